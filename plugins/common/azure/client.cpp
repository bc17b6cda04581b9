#include "common/azure/client.hpp"

#include <utility>

#include "common/xml.hpp"

namespace cleat::azure {
namespace {

using common::header_of;
using common::HttpResponse;
using common::TransferFailure;
using Seconds = std::chrono::seconds;

constexpr const char* kScope = "https://storage.azure.com/.default";
constexpr Seconds kSkew{300};
constexpr std::size_t kMostOfId = 300;

std::string path_of(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t path = url.find('/', host);
  return path == std::string::npos ? "" : url.substr(path);
}

/// Of an answer with a status of 2xx; empty: nothing.
std::string what_is_strange(const ServiceRequest& request, const HttpResponse& answer) {
  if (request.done_status != 0 && answer.status != request.done_status)
    return "expected HTTP " + std::to_string(request.done_status) + ", found HTTP " +
           std::to_string(answer.status) + ": it may have been carried out";
  if (request.wants_sign && !common::has_header_like(answer, "x-ms-"))
    return "expected a header of Azure's (x-ms-...), found none";
  return {};
}

/// A success by its number only: a proxy's page, for one.
Failure not_confirmed(const ServiceRequest& request, const HttpResponse& answer, const std::string& why) {
  Failure out;
  out.is_retryable = request.may_run_twice;
  out.http_status = answer.status;
  out.text = request.what + ": " + why + "; is the endpoint one of Azure Storage?";
  const std::string id = header_of(answer, "x-ms-request-id");
  if (!id.empty()) out.text += " (request id " + id.substr(0, kMostOfId) + ")";
  return out;
}

WallTime now() {
  return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
}

common::Refusal refusal_of(const HttpResponse& answer) {
  common::Refusal out{header_of(answer, "x-ms-error-code"), {}, header_of(answer, "x-ms-request-id")};
  if (const auto body = common::parse_xml(answer.body)) {
    if (out.code.empty()) out.code = body->text_of("Code");
    // Behind the first line are the request's id and, of a signature, what was signed.
    out.message = body->text_of("Message");
  }
  return out;
}

}  // namespace

Failure failure_of(const ServiceRequest& request, const HttpResponse& answer,
                   std::vector<std::string> secrets) {
  common::Refusal refusal = refusal_of(answer);
  refusal.secrets = std::move(secrets);
  Failure out = common::failure_of(answer, request.what, std::move(refusal), request.may_run_twice);
  const bool is_nobody = out.code == "AuthenticationFailed" || out.code == "InvalidAuthenticationInfo";
  if (answer.status == 403 && is_nobody) out.status = CLEAT_UNAUTHENTICATED;
  if (answer.status == 503) out.status = CLEAT_THROTTLED;  // ServerBusy
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
  sent->token = token;
  common::HttpRequest out = common::http_request_of(request, account_.url + request.path);
  out.headers.push_back({"x-ms-version", kServiceVersion});
  out.headers.push_back({"x-ms-date", http_date(now() + clock_off_)});
  if (!token.empty()) {
    out.headers.push_back({"Authorization", "Bearer " + token, true});
  } else if (!account_.key.empty()) {
    const std::string path = path_ + request.path;
    const std::string text = string_to_sign(
        account_.name, {request.method, path.empty() ? std::string_view("/") : std::string_view(path),
                        &request.query, &out.headers, out.body.size()});
    out.headers.push_back(
        {"Authorization", "SharedKey " + account_.name + ":" + hmac(account_.key, text), true});
  } else {
    out.url += (request.query.empty() ? '?' : '&') + account_.sas;
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
  if (tokens_ && answer->status != 401) tokens_->serves();
  if (answer->status / 100 == 2) {
    const std::string why = what_is_strange(sent->request, *answer);
    if (why.empty()) return sent->done(answer, nullptr);
    const Failure strange = not_confirmed(sent->request, *answer, why);
    return sent->done(nullptr, &strange);
  }
  // Refused before anything was done: once more with what was learnt.
  if (!std::exchange(sent->is_again, true) && learns(*answer, sent->token)) return authorize(sent);
  const Failure out = failure_of(sent->request, *answer, secrets_of(*sent));
  sent->done(nullptr, &out);
}

/// A key is not sent. Of a shared access signature the signature alone is one too, as it goes out and as it is.
std::vector<std::string> Client::secrets_of(const Sent& sent) const {
  std::vector<std::string> out{sent.token, account_.sas};
  const std::string query = "&" + account_.sas;
  const std::size_t at = query.find("&sig=");
  if (at == std::string::npos) return out;
  const std::string sent_as = query.substr(at + 5, query.find('&', at + 5) - at - 5);
  std::string plain = sent_as;
  for (const auto& [code, letter] :
       {std::pair{"%2B", '+'}, {"%2b", '+'}, {"%2F", '/'}, {"%2f", '/'}, {"%3D", '='}, {"%3d", '='}}) {
    for (std::size_t found = plain.find(code); found != std::string::npos; found = plain.find(code))
      plain.replace(found, 3, 1, letter);
  }
  out.insert(out.end(), {sent_as, plain});
  return out;
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
