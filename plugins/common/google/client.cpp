#include "common/google/client.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/json_value.hpp"
#include "common/text.hpp"
#include "common/url.hpp"

namespace cleat::google {
namespace {

using common::header_of;
using common::HttpResponse;
using common::JsonValue;
using common::TransferFailure;

constexpr std::size_t kMostShown = 300;

std::string text_of(const JsonValue* object, std::string_view name) {
  const JsonValue* const found = object != nullptr ? object->find(name) : nullptr;
  return found != nullptr ? found->text : std::string();
}

/// {"error": {"code": 404, "message": "...", "status": "NOT_FOUND", "errors": [{"reason": "notFound"}]}}, not all of it
/// always there: reason or status, and message.
std::pair<std::string, std::string> code_and_message(const std::string& body) {
  try {
    const JsonValue parsed = common::parse_json(body);
    const JsonValue* const error = parsed.find("error");
    if (error == nullptr) return {};
    const JsonValue* const errors = error->find("errors");
    const bool has_reason = errors != nullptr && !errors->items.empty();
    std::string code = text_of(has_reason ? &errors->items[0] : nullptr, "reason");
    if (code.empty()) code = text_of(error, "status");
    return {code, text_of(error, "message")};
  } catch (const std::invalid_argument&) {
    // The media of an object that is not there: a line of text.
    return {};
  }
}

bool is_quota(const std::string& code) {
  return code == "rateLimitExceeded" || code == "userRateLimitExceeded" || code == "RESOURCE_EXHAUSTED";
}

cleat_status status_of(int status, const std::string& code) {
  switch (status) {
    case 401:
      return CLEAT_UNAUTHENTICATED;
    case 403:
      return is_quota(code) ? CLEAT_THROTTLED : CLEAT_DENIED;
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
      return status >= 400 && status < 500 ? CLEAT_INVALID : CLEAT_REMOTE;
  }
}

}  // namespace

Failure failure_of(const ServiceRequest& request, const HttpResponse& answer) {
  Failure out;
  out.http_status = answer.status;
  std::string said;
  std::tie(out.code, said) = code_and_message(answer.body);
  out.status = status_of(answer.status, out.code);
  const bool is_passing = answer.status == 429 || answer.status == 503 || out.status == CLEAT_THROTTLED;
  const bool is_unknown = answer.status == 408 || (answer.status >= 500 && answer.status != 501);
  const bool is_idempotent = request.may_run_twice && !request.is_new_each_time;
  out.is_retryable = is_passing || (is_unknown && is_idempotent);
  out.retry_after_ms = common::retry_after_ms(answer);
  out.text = request.what + ": HTTP " + std::to_string(answer.status);
  if (!out.code.empty()) out.text += " " + out.code;
  said.resize(std::min({said.size(), said.find('\n'), kMostShown}));
  if (!said.empty()) out.text += ": " + said;
  if (answer.status / 100 == 3)
    out.text += ": the address sends elsewhere, which is not followed: check the endpoint";
  const std::string id = header_of(answer, "x-guploader-uploadid");
  if (!id.empty()) out.text += " (request id " + id.substr(0, kMostShown) + ")";
  return out;
}

struct Client::Sent {
  ServiceRequest request;
  Done done;
  std::string token;
  bool is_again = false;
};

Client::Client(common::CurlLoop& curl, const Credentials& credentials)
    : curl_(curl), credentials_(credentials) {
  if (credentials.identity != Identity::nobody) tokens_.emplace(curl, credentials);
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
  sent->token = token;
  common::HttpRequest out;
  out.tag = request.tag;
  out.method = request.method;
  out.url = request.url;
  char next = '?';
  for (const auto& [name, value] : request.query) {
    out.url += next + common::url_encoded(name) + "=" + common::url_encoded(value);
    next = '&';
  }
  out.headers = request.headers;
  out.body = request.borrowed_body.empty() ? std::string_view(request.body) : request.borrowed_body;
  out.has_body = request.method == "PUT" || request.method == "POST";
  // libcurl would add a type of its own to a body.
  const bool has_type = std::any_of(out.headers.begin(), out.headers.end(), [](const auto& each) {
    return common::equal_ignoring_case(each.name, "content-type");
  });
  if (out.has_body && !has_type) out.headers.push_back({"Content-Type", "application/octet-stream"});
  if (!token.empty()) out.headers.push_back({"Authorization", "Bearer " + token, true});
  if (!credentials_.project.empty()) out.headers.push_back({"x-goog-user-project", credentials_.project});
  out.may_run_twice = request.may_run_twice;
  out.deadline_ns = request.deadline_ns;
  out.max_response_bytes = request.max_response_bytes;
  curl_.send(std::move(out), [this, sent](HttpResponse* answer, const TransferFailure* failure) {
    answered(sent, answer, failure);
  });
}

void Client::answered(const std::shared_ptr<Sent>& sent, HttpResponse* answer,
                      const TransferFailure* failure) {
  const ServiceRequest& request = sent->request;
  if (failure != nullptr) {
    const Failure out =
        common::failure_of(*failure, request.what, "it", request.may_run_twice && !request.is_new_each_time);
    return sent->done(nullptr, &out);
  }
  if (answer->status / 100 == 2 || answer->status == request.passes) return sent->done(answer, nullptr);
  // Refused before anything was done: once more with another token.
  if (answer->status == 401 && tokens_ && !std::exchange(sent->is_again, true)) {
    tokens_->forget(sent->token);
    return authorize(sent);
  }
  const Failure out = failure_of(request, *answer);
  sent->done(nullptr, &out);
}

}  // namespace cleat::google
