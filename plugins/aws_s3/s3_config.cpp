#include "s3_config.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "common/ttl.hpp"
#include "common/url.hpp"

namespace cleat::s3 {
namespace {

constexpr std::uint64_t kLeastPart = 5U << 20U, kMostPart = 512U << 20U;
constexpr std::chrono::seconds kLongestSigned = std::chrono::hours(24 * 7);

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/// Whether a name can be the first part of a host's.
bool is_host_name(const std::string& bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 &&
         std::all_of(bucket.begin(), bucket.end(), is_label_character) &&
         bucket.find("..") == std::string::npos && bucket.front() != '.' && bucket.front() != '-' &&
         bucket.back() != '.' && bucket.back() != '-';
}

bool is_number(std::string_view host) {
  return host.front() == '[' || host.find_first_not_of("0123456789.:") == std::string_view::npos;
}

void check_bucket(const std::string& bucket) {
  if (bucket.empty()) throw Error(CLEAT_INVALID, "bucket: expected the name of one, found none");
  if (bucket.rfind("arn:", 0) == 0) {
    throw Error(CLEAT_UNSUPPORTED,
                "bucket: ARNs are not served: expected the name of a bucket or the alias of an access point");
  }
  const bool is_plain = bucket.size() <= 255 && std::all_of(bucket.begin(), bucket.end(), [](char c) {
                          return is_label_character(c) || (c >= 'A' && c <= 'Z') || c == '_';
                        });
  if (!is_plain)
    throw Error(CLEAT_INVALID,
                "bucket: expected letters, digits, dots, hyphens and underscores, found '" + bucket + "'");
}

/// The bucket is part of the host's name where that can be: the certificate of S3 has one label in front.
void find_address(S3Config& out, bool is_path_wanted) {
  const std::string& endpoint = out.settings.endpoint;
  const std::size_t host_at = endpoint.find("://") + 3;
  const std::size_t path_at = std::min(endpoint.find('/', host_at), endpoint.size());
  const std::string host = endpoint.substr(host_at, path_at - host_at);
  const bool is_tls = common::lower(endpoint.substr(0, host_at)) == "https://";
  const bool has_dots = is_tls && out.bucket.find('.') != std::string::npos;
  if (is_path_wanted || !is_host_name(out.bucket) || has_dots || is_number(host)) {
    out.base = "/" + common::encoded_path(out.bucket, false);
    return;
  }
  out.host = out.bucket + "." + host;
  out.base = endpoint.substr(path_at);
}

}  // namespace

S3Config parse_config(const Config& config) {
  S3Config out;
  out.bucket = config.text("bucket");
  check_bucket(out.bucket);
  out.settings = aws::parse_settings(config, "s3", {}, config.boolean("disableSSL") ? "http://" : "https://");
  find_address(out, config.boolean("forcePathStyle"));
  out.skip_verify = config.boolean("insecureSSL");
  out.decode_base64 = config.boolean("decodeBase64");
  out.encode_base64 = config.boolean("encodeBase64");
  out.file_path = config.text("filePath");
  out.files = common::file_place(config, "s3 binding error: ");
  out.storage_class = config.text("storageClass");
  out.presign_ttl = config.text("presignTTL");
  if (!out.presign_ttl.empty()) parse_presign_ttl(out.presign_ttl);
  out.max_object_bytes = config.size("maxObjectSize");
  out.part_bytes = config.size("partSize", 8U << 20U);
  if (out.part_bytes < kLeastPart || out.part_bytes > kMostPart) {
    throw Error(CLEAT_INVALID,
                "partSize: expected 5Mi to 512Mi, found " + std::to_string(out.part_bytes) + " bytes");
  }
  out.strict_dapr = config.fact("strict-dapr") == "true";
  return out;
}

std::string path_of(const S3Config& config, std::string_view key) {
  return config.base + "/" + common::encoded_path(key, true);
}

std::string location_of(const S3Config& config, std::string_view key) {
  const std::string& endpoint = config.settings.endpoint;
  const std::string server =
      config.host.empty() ? endpoint : endpoint.substr(0, endpoint.find("://") + 3) + config.host;
  return server + path_of(config, key);
}

std::chrono::seconds parse_presign_ttl(std::string_view text) {
  std::chrono::nanoseconds time{0};
  try {
    time = common::parse_ttl(text);
  } catch (const Error&) {
    time = {};
  }
  if (time.count() <= 0 || time > kLongestSigned) {
    throw Error(CLEAT_INVALID, "presignTTL: expected a duration from 1s to 168h, such as 15m, found '" +
                                   std::string(text) + "'");
  }
  return std::chrono::ceil<std::chrono::seconds>(time);
}

}  // namespace cleat::s3
