#include <algorithm>
#include <array>

#include "common/curl/transfer.hpp"
#include "common/text.hpp"

namespace cleat::common {
namespace {

constexpr int kMostRedirects = 10;

struct Origin {
  std::string scheme, host, port;
  bool operator==(const Origin& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

Origin origin_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, flags) != CURLUE_OK) return std::string();
    std::string copy = lower(text);
    curl_free(text);
    return copy;
  };
  return {part(CURLUPART_SCHEME, 0), part(CURLUPART_HOST, 0), part(CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return equal_ignoring_case(each, name); });
}

void drop_secrets(std::vector<HttpHeader>& headers) {
  headers.erase(
      std::remove_if(headers.begin(), headers.end(),
                     [](const HttpHeader& each) {
                       return each.is_secret || is_one_of(each.name, {"authorization", "cookie", "host"});
                     }),
      headers.end());
}

void become_get(HttpRequest& request) {
  if (request.method != "HEAD") request.method = "GET";
  request.has_body = false;
  request.may_run_twice = true;
  request.headers.erase(
      std::remove_if(request.headers.begin(), request.headers.end(),
                     [](const HttpHeader& each) {
                       return is_one_of(each.name, {"content-type", "content-encoding", "content-language"});
                     }),
      request.headers.end());
}

}  // namespace

bool CurlLoop::Transfer::is_sent_elsewhere() const {
  constexpr std::array<int, 5> kCodes{301, 302, 303, 307, 308};
  if (is_mail || !http.follow_redirects) return false;
  if (std::find(kCodes.begin(), kCodes.end(), response_.status) == kCodes.end()) return false;
  return std::any_of(response_.headers.begin(), response_.headers.end(),
                     [](const auto& each) { return equal_ignoring_case(each.first, "location"); });
}

/// Not left to libcurl, which takes headers with it that are meant for one server, and methods that should become GET.
std::optional<TransferFailure> CurlLoop::Transfer::go_elsewhere() {
  using Kind = TransferFailure::Kind;
  const char* address = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_REDIRECT_URL, &address);
  if (address == nullptr)
    return failure(Kind::refused, "the redirect leads to no address that can be followed");
  const std::string next = address;
  const Origin from = origin_of(http.url), to = origin_of(next);
  if (++redirects_ > kMostRedirects)
    return failure(Kind::refused, "stopped after " + std::to_string(kMostRedirects) + " redirects");
  if (from.scheme == "https" && to.scheme != "https")
    return failure(Kind::refused,
                   "the redirect leads from https to " + to.scheme + ", which is not followed");
  if (!(from == to)) drop_secrets(http.headers);
  if (response_.status <= 303) {
    // Who answers so has taken the request; what comes of the new address does not undo that.
    was_carried_out_ = was_carried_out_ || !http.may_run_twice;
    become_get(http);
  }
  http.url = next;
  return std::nullopt;
}

}  // namespace cleat::common
