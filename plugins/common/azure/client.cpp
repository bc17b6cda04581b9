#include "common/azure/client.hpp"

#include <algorithm>
#include <utility>

#include "common/text.hpp"
#include "common/url.hpp"
#include "common/xml.hpp"

namespace cleat::azure {
namespace {

using common::header_of;
using common::HttpResponse;
using common::TransferFailure;
using Seconds = std::chrono::seconds;

constexpr const char* kScope = "https://storage.azure.com/.default";
constexpr std::size_t kMostShown = 300;
constexpr Seconds kSkew{300};

std::string path_of(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t path = url.find('/', host);
  return path == std::string::npos ? "" : url.substr(path);
}

WallTime now() {
  return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
}

cleat_status status_of(int status, const std::string& code) {
  switch (status) {
    case 401:
      return CLEAT_UNAUTHENTICATED;
    case 403:
      return code == "AuthenticationFailed" || code == "InvalidAuthenticationInfo" ? CLEAT_UNAUTHENTICATED
                                                                                   : CLEAT_DENIED;
    case 404:
      return CLEAT_NOT_FOUND;
    case 409:
    case 412:
      return CLEAT_CONFLICT;
    case 413:
      return CLEAT_TOO_LARGE;
    case 429:
    case 503:
      return CLEAT_THROTTLED;
    case 408:
    case 500:
    case 502:
    case 504:
      return CLEAT_UNAVAILABLE;
    default:
      return status >= 400 && status < 500 ? CLEAT_INVALID : CLEAT_REMOTE;
  }
}

}  // namespace

Failure failure_of(const ServiceRequest& request, const HttpResponse& answer) {
  Failure out;
  out.http_status = answer.status;
  out.code = header_of(answer, "x-ms-error-code");
  std::string said;
  if (const auto body = common::parse_xml(answer.body)) {
    if (out.code.empty()) out.code = body->text_of("Code");
    // The first line: behind it are the request's id and, of a signature, what was signed.
    said = body->text_of("Message");
    said.resize(std::min({said.size(), said.find('\n'), kMostShown}));
  }
  out.status = status_of(answer.status, out.code);
  const bool is_passing = answer.status == 429 || answer.status == 503;
  const bool is_unknown = answer.status == 408 || (answer.status >= 500 && answer.status != 501);
  out.is_retryable = is_passing || (is_unknown && request.may_run_twice);
  out.retry_after_ms = common::retry_after_ms(answer);
  out.text = request.what + ": HTTP " + std::to_string(answer.status);
  if (!out.code.empty()) out.text += " " + out.code;
  if (!said.empty()) out.text += ": " + said;
  if (answer.status / 100 == 3)
    out.text += ": the address sends elsewhere, which is not followed: check the endpoint";
  const std::string id = header_of(answer, "x-ms-request-id");
  if (!id.empty()) out.text += " (request id " + id.substr(0, kMostShown) + ")";
  return out;
}

struct Client::Sent {
  ServiceRequest request;
  Done done;
  std::string token;
  bool is_again = false;
};

Client::Client(common::CurlLoop& curl, const Account& account)
    : curl_(curl), account_(account), path_(path_of(account.url)) {
  if (account.token) tokens_.emplace(curl, *account.token, kScope);
}

void Client::close() {
  if (tokens_) tokens_->close();
}

void Client::send(ServiceRequest request, Done done) {
  const auto sent = std::make_shared<Sent>();
  sent->request = std::move(request);
  sent->done = std::move(done);
  authorize(sent);
}

void Client::authorize(const std::shared_ptr<Sent>& sent) {
  if (!tokens_) return transmit(sent, {});
  tokens_->get(sent->request.deadline_ns, [this, sent](const AccessToken* token, const Failure* failure) {
    if (failure == nullptr) return transmit(sent, token->text);
    Failure out = *failure;
    out.text = sent->request.what + ": " + out.text;
    sent->done(nullptr, &out);
  });
}

void Client::transmit(const std::shared_ptr<Sent>& sent, const std::string& token) {
  const ServiceRequest& request = sent->request;
  const std::string_view body = request.borrowed_body.empty() ? request.body : request.borrowed_body;
  sent->token = token;
  common::HttpRequest out;
  out.tag = request.tag;
  out.method = request.method;
  out.headers = request.headers;
  out.headers.push_back({"x-ms-version", kServiceVersion});
  out.headers.push_back({"x-ms-date", http_date(now() + clock_off_)});
  // libcurl would add a type of its own to a body.
  const bool has_type = std::any_of(out.headers.begin(), out.headers.end(), [](const auto& each) {
    return common::equal_ignoring_case(each.name, "content-type");
  });
  const bool has_body = request.method == "PUT" || request.method == "POST";
  if (has_body && !has_type) out.headers.push_back({"Content-Type", "application/octet-stream"});
  out.body = body;
  out.has_body = has_body;
  out.may_run_twice = request.may_run_twice;
  out.deadline_ns = request.deadline_ns;
  out.max_response_bytes = request.max_response_bytes;
  out.url = account_.url + request.path;
  char next = '?';
  for (const auto& [name, value] : request.query) {
    out.url += next + common::url_encoded(name) + "=" + common::url_encoded(value);
    next = '&';
  }
  if (!token.empty()) {
    out.headers.push_back({"Authorization", "Bearer " + token, true});
  } else if (!account_.key.empty()) {
    const std::string path = path_ + request.path;
    const std::string text = string_to_sign(
        account_.name, {request.method, path.empty() ? std::string_view("/") : std::string_view(path),
                        &request.query, &out.headers, body.size()});
    out.headers.push_back(
        {"Authorization", "SharedKey " + account_.name + ":" + hmac(account_.key, text), true});
  } else {
    out.url += next + account_.sas;
  }
  curl_.send(std::move(out), [this, sent](HttpResponse* answer, const TransferFailure* failure) {
    answered(sent, answer, failure);
  });
}

void Client::answered(const std::shared_ptr<Sent>& sent, HttpResponse* answer,
                      const TransferFailure* failure) {
  if (failure != nullptr) {
    const Failure out = common::failure_of(*failure, sent->request.what, "it", sent->request.may_run_twice);
    return sent->done(nullptr, &out);
  }
  if (answer->status / 100 == 2) return sent->done(answer, nullptr);
  // Refused before anything was done: once more with what was learnt.
  if (!std::exchange(sent->is_again, true) && learns(*answer, sent->token)) return authorize(sent);
  const Failure out = failure_of(sent->request, *answer);
  sent->done(nullptr, &out);
}

/// Whether the next request has a better chance: with another token, or with the service's idea of the time.
bool Client::learns(const HttpResponse& answer, const std::string& token) {
  if (answer.status == 401 && tokens_) {
    tokens_->forget(token);
    return true;
  }
  if (answer.status != 403 || account_.key.empty()) return false;
  const auto theirs = from_http_date(header_of(answer, "date"));
  if (!theirs) return false;
  const Seconds off = *theirs - now();
  if (std::chrono::abs(off - clock_off_) < kSkew) return false;
  clock_off_ = off;
  return true;
}

}  // namespace cleat::azure
