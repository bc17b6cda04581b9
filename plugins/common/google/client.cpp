#include "common/google/client.hpp"

#include <stdexcept>
#include <utility>

#include "common/json_value.hpp"

namespace cleat::google {
namespace {

using common::HttpResponse;
using common::JsonValue;
using common::TransferFailure;

std::string text_of(const JsonValue* object, std::string_view name) {
  const JsonValue* const found = object != nullptr ? object->find(name) : nullptr;
  return found != nullptr ? found->text : std::string();
}

/// {"error": {"code": 404, "message": "...", "status": "NOT_FOUND", "errors": [{"reason": "notFound"}]}}, not all of it
/// always there: reason or status, and message.
common::Refusal refusal_of(const HttpResponse& answer) {
  common::Refusal out;
  out.request_id = common::header_of(answer, "x-guploader-uploadid");
  try {
    const JsonValue parsed = common::parse_json(answer.body);
    const JsonValue* const error = parsed.find("error");
    if (error == nullptr) return out;
    const JsonValue* const errors = error->find("errors");
    const bool has_reason = errors != nullptr && !errors->items.empty();
    out.code = text_of(has_reason ? &errors->items[0] : nullptr, "reason");
    if (out.code.empty()) out.code = text_of(error, "status");
    out.message = text_of(error, "message");
  } catch (const std::invalid_argument&) {
    // The media of an object that is not there: a line of text.
  }
  return out;
}

bool is_quota(const std::string& code) {
  return code == "rateLimitExceeded" || code == "userRateLimitExceeded" || code == "RESOURCE_EXHAUSTED";
}

}  // namespace

Failure failure_of(const ServiceRequest& request, const HttpResponse& answer, const std::string& token) {
  common::Refusal refusal = refusal_of(answer);
  refusal.secrets = {token};
  Failure out = common::failure_of(answer, request.what, std::move(refusal),
                                   request.may_run_twice && !request.is_new_each_time);
  if (answer.status == 403 && is_quota(out.code)) {
    out.status = CLEAT_THROTTLED;
    out.is_retryable = true;
  }
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
    out.http_status = 0;  // that of who gives out tokens says nothing of what was asked for
    out.text = sent->request.what + ": " + out.text;
    sent->done(nullptr, &out);
  });
}

void Client::transmit(const std::shared_ptr<Sent>& sent, const std::string& token) {
  const ServiceRequest& request = sent->request;
  sent->token = token;
  common::HttpRequest out = common::http_request_of(request, request.url);
  if (!token.empty()) out.headers.push_back({"Authorization", "Bearer " + token, true});
  if (!credentials_.project.empty()) out.headers.push_back({"x-goog-user-project", credentials_.project});
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
  if (tokens_ && answer->status != 401) tokens_->serves();
  if (answer->status / 100 == 2 || answer->status == request.passes) return sent->done(answer, nullptr);
  // Refused before anything was done: once more with another token.
  if (answer->status == 401 && tokens_ && !std::exchange(sent->is_again, true)) {
    tokens_->forget(sent->token);
    return authorize(sent);
  }
  const Failure out = failure_of(request, *answer, sent->token);
  sent->done(answer, &out);
}

}  // namespace cleat::google
