#include "common/curl/service_request.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "common/url.hpp"

namespace cleat::common {
namespace {

constexpr std::size_t kMostShown = 300;

cleat_status status_of(int http_status) {
  switch (http_status) {
    case 401:
      return CLEAT_UNAUTHENTICATED;
    case 403:
      return CLEAT_DENIED;
    case 404:
      return CLEAT_NOT_FOUND;
    case 409:
    case 412:
      return CLEAT_CONFLICT;
    case 413:
      return CLEAT_TOO_LARGE;
    case 429:
      return CLEAT_THROTTLED;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
      return CLEAT_UNAVAILABLE;
    default:
      return http_status >= 400 && http_status < 500 ? CLEAT_INVALID : CLEAT_REMOTE;
  }
}

}  // namespace

HttpRequest http_request_of(const ServiceRequest& request, std::string url) {
  HttpRequest out;
  out.tag = request.tag;
  out.method = request.method;
  out.url = std::move(url);
  char next = '?';
  for (const auto& [name, value] : request.query) {
    out.url += next + url_encoded(name) + "=" + url_encoded(value);
    next = '&';
  }
  out.headers = request.headers;
  out.body = request.borrowed_body.empty() ? std::string_view(request.body) : request.borrowed_body;
  out.has_body = request.method == "PUT" || request.method == "POST";
  // libcurl would add a type of its own to a body.
  const bool has_type = std::any_of(out.headers.begin(), out.headers.end(), [](const HttpHeader& each) {
    return equal_ignoring_case(each.name, "content-type");
  });
  if (out.has_body && !has_type) out.headers.push_back({"Content-Type", "application/octet-stream"});
  out.may_run_twice = request.may_run_twice;
  out.deadline_ns = request.deadline_ns;
  out.max_response_bytes = request.max_response_bytes;
  out.on_begin = request.on_begin;
  return out;
}

ServiceFailure failure_of(const HttpResponse& answer, const std::string& what, Refusal refusal,
                          bool may_run_twice) {
  for (const std::string& secret : refusal.secrets) {
    for (std::string* text : {&refusal.code, &refusal.message, &refusal.request_id})
      cut_out(*text, secret);
  }
  ServiceFailure out;
  out.status = status_of(answer.status);
  out.http_status = answer.status;
  out.code = std::move(refusal.code);
  const bool is_passing = answer.status == 429 || answer.status == 503;
  const bool is_unknown = answer.status == 408 || (answer.status >= 500 && answer.status != 501);
  out.is_retryable = is_passing || (is_unknown && may_run_twice);
  out.retry_after_ms = retry_after_ms(answer);
  out.text = what + ": HTTP " + std::to_string(answer.status);
  if (!out.code.empty()) out.text += " " + out.code;
  std::string& said = refusal.message;
  said.resize(std::min({said.size(), said.find('\n'), kMostShown}));
  if (!said.empty()) out.text += ": " + said;
  if (answer.status / 100 == 3)
    out.text += ": the address sends elsewhere, which is not followed: check the endpoint";
  if (!refusal.request_id.empty())
    out.text += " (request id " + refusal.request_id.substr(0, kMostShown) + ")";
  return out;
}

}  // namespace cleat::common
