#include "http_binding.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "common/text.hpp"
#include "common/tls.hpp"

#include <openssl/ssl.h>

namespace cleat::http {
namespace {

using common::TransferFailure;

cleat_status status_of(TransferFailure::Kind kind) {
  switch (kind) {
    case TransferFailure::Kind::invalid:
      return CLEAT_INVALID;
    case TransferFailure::Kind::timeout:
      return CLEAT_TIMEOUT;
    case TransferFailure::Kind::too_large:
      return CLEAT_TOO_LARGE;
    case TransferFailure::Kind::cancelled:
      return CLEAT_CANCELLED;
    case TransferFailure::Kind::refused:
      return CLEAT_REMOTE;
    default:
      return CLEAT_UNAVAILABLE;
  }
}

std::uint32_t flags_of(TransferFailure::Kind kind) {
  const bool is_final = kind == TransferFailure::Kind::invalid || kind == TransferFailure::Kind::too_large;
  return is_final ? 0 : CLEAT_RETRYABLE;
}

/// The server is asked to try again, or was not the one to decide.
bool may_succeed_later(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

Response to_response(common::HttpResponse&& from) {
  Response out;
  out.metadata.emplace_back("statusCode", std::to_string(from.status));
  out.metadata.emplace_back("status", status_line(from));
  for (auto& [name, value] : from.headers) {
    const auto known = std::find_if(out.metadata.begin() + 2, out.metadata.end(), [&](const auto& each) {
      return common::equal_ignoring_case(each.first, name);
    });
    if (known == out.metadata.end()) {
      out.metadata.emplace_back(name, value);
    } else {
      known->second += ", " + value;
    }
    if (common::equal_ignoring_case(name, "Content-Type")) out.content_type = value;
  }
  out.data = Buffer::of(std::move(from.body));
  return out;
}

/// libcurl loads them with each connection; a fault in them is to be said at the beginning.
void check_certificates(const HttpConfig& config) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  if (context)
    common::use_pem(context.get(), {config.ca, config.cert, config.key}, false,
                    {"MTLSRootCA", "MTLSClientCert", "MTLSClientKey"});
}

}  // namespace

void HttpBinding::init(const Config& config) {
  config_ = parse_config(config);
  check_certificates(config_);
}

void HttpBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.ca;
  options.cert = config_.cert;
  options.key = config_.key;
  options.max_connections = config_.max_connections;
  curl_.emplace(std::move(options));
  curl_->start();
}

void HttpBinding::invoke(const Request& request, Call&& call) {
  common::HttpRequest out = make_request(config_, request);
  out.deadline_ns = request.deadline().at_ns;
  if (config_.response_timeout.count() > 0)
    out.deadline_ns = std::min(out.deadline_ns,
                               host_.now_ns() + static_cast<std::uint64_t>(config_.response_timeout.count()));
  const bool is_strict = error_if_not_2xx(config_, request);
  const std::uint64_t id = request.id();
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<Call>(std::move(call));
  const std::lock_guard lock(mutex_);  // the answer may be there before the number is
  transfers_[id] = curl_->send(std::move(out), [this, id, held, is_strict](common::HttpResponse* response,
                                                                           const TransferFailure* failure) {
    {
      const std::lock_guard guard(mutex_);
      transfers_.erase(id);
    }
    answered(std::move(*held), is_strict, response, failure);
  });
}

void HttpBinding::answered(Call&& call, bool error_if_not_2xx, common::HttpResponse* response,
                           const TransferFailure* failure) {
  Call mine = std::move(call);
  if (failure != nullptr) {
    std::string text = failure->text;
    if (failure->kind == TransferFailure::Kind::too_large) {
      text = "the answer is larger than maxResponseBodySize, " + std::to_string(config_.max_response_bytes) +
             " bytes";
    } else if (failure->was_sent) {
      text += "; the request had been sent";
    }
    mine.fail(status_of(failure->kind), text, flags_of(failure->kind));
    return;
  }
  const int status = response->status;
  if (status / 100 == 2 || !error_if_not_2xx) {
    mine.complete(to_response(std::move(*response)));
    return;
  }
  const std::string text = "received status code " + std::to_string(status);
  mine.fail({sizeof(cleat_failure), CLEAT_REMOTE, may_succeed_later(status) ? CLEAT_RETRYABLE : 0, 0, status,
             str(text)},
            to_response(std::move(*response)));
}

void HttpBinding::cancel(std::uint64_t call_id) {
  const std::lock_guard lock(mutex_);
  const auto found = transfers_.find(call_id);
  if (found != transfers_.end()) curl_->cancel(found->second);
}

void HttpBinding::stop(Deadline /*deadline*/) {
  curl_->stop();
}

}  // namespace cleat::http
