#include "signed_url.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "common/google/rsa_key.hpp"
#include "common/ttl.hpp"
#include "common/url.hpp"
#include "object_request.hpp"

namespace cleat::bucket {
namespace {

constexpr std::chrono::hours kMost{7 * 24};

std::string path_of(const BucketConfig& config, const std::string& key) {
  return "/" + common::encoded_path(config.bucket, false) + "/" + common::encoded_path(key, true);
}

/// "20261128T150405Z"
std::string stamp_of(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 20> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return {text.data(), size};
}

}  // namespace

std::string public_url(const BucketConfig& config, const std::string& key) {
  return config.place.url + path_of(config, key);
}

UnsignedUrl unsigned_url(const BucketConfig& config, const std::string& key, const std::string& email,
                         std::chrono::system_clock::time_point now, std::chrono::seconds lifetime) {
  const std::string& place = config.place.url;
  const std::size_t host = place.find("://") + 3, path = place.find('/', host);
  const std::string resource =
      (path == std::string::npos ? std::string() : place.substr(path)) + path_of(config, key);
  const std::string stamp = stamp_of(now);
  const std::string scope = stamp.substr(0, 8) + "/auto/storage/goog4_request";
  const std::string query =
      "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=" + common::url_encoded(email + "/" + scope) +
      "&X-Goog-Date=" + stamp + "&X-Goog-Expires=" + std::to_string(lifetime.count()) +
      "&X-Goog-SignedHeaders=host";
  const std::string canonical = "GET\n" + resource + "\n" + query +
                                "\nhost:" + place.substr(host, path - host) + "\n\nhost\nUNSIGNED-PAYLOAD";
  return {"GOOG4-RSA-SHA256\n" + stamp + "\n" + scope + "\n" + google::hex(google::sha256(canonical)),
          public_url(config, key) + "?" + query + "&X-Goog-Signature="};
}

std::chrono::seconds sign_ttl_of(std::string_view requested, const BucketConfig& config) {
  const std::string text = requested.empty() ? config.sign_ttl : std::string(requested);
  if (text.empty())
    throw Error(CLEAT_INVALID, kErrorPrefix + std::string("required metadata 'signTTL' missing"));
  std::chrono::nanoseconds time{0};
  try {
    time = common::parse_ttl(text);
  } catch (const Error&) {
    time = {};
  }
  if (time.count() <= 0 || time > kMost)
    throw Error(
        CLEAT_INVALID,
        "metadata 'signTTL': expected a duration such as 15m, of 7 days at most, found '" + text + "'");
  return std::chrono::ceil<std::chrono::seconds>(time);
}

}  // namespace cleat::bucket
