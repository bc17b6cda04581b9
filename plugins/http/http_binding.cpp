#include "http_binding.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/curl/answer.hpp"
#include "http_answer.hpp"
#include "http_request.hpp"

namespace cleat::http {

using common::TransferFailure;

void HttpBinding::init(const Config& config) {
  config_ = parse_config(config);
}

void HttpBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.ca;
  options.cert = config_.cert;
  options.key = config_.key;
  options.max_connections = config_.max_connections;
  curl_.emplace(std::move(options));
  health_.emplace(host_, curl_->loop());
  curl_->start();
}

void HttpBinding::invoke(const Request& request, Call&& call) {
  common::HttpRequest out = make_request(config_, request);
  out.deadline_ns = request.deadline().at_ns;
  if (config_.response_timeout.count() > 0)
    out.deadline_ns = std::min(out.deadline_ns,
                               host_.now_ns() + static_cast<std::uint64_t>(config_.response_timeout.count()));
  const Wanted wanted{error_if_not_2xx(config_, request), out.may_run_twice};
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<Call>(std::move(call));
  curl_->send(std::move(out),
              [this, held, wanted](common::HttpResponse* response, const TransferFailure* failure) {
                answered(std::move(*held), wanted, response, failure);
              });
}

void HttpBinding::answered(Call&& call, Wanted wanted, common::HttpResponse* response,
                           const TransferFailure* failure) {
  Call mine = std::move(call);
  if (failure != nullptr) return fail(std::move(mine), wanted, *failure);
  health_->tell(CLEAT_HEALTH_UP, "");
  const int status = response->status;
  if (status / 100 == 2 || !wanted.error_if_not_2xx) {
    mine.complete(to_response(std::move(*response)));
    return;
  }
  const std::string text = "received status code " + std::to_string(status);
  const bool may_repeat = may_be_repeated(status, wanted.is_idempotent) && !response->was_carried_out;
  const std::uint32_t flags = may_repeat ? CLEAT_RETRYABLE : 0;
  const std::uint32_t wait_ms = common::retry_after_ms(*response);
  mine.fail({sizeof(cleat_failure), CLEAT_REMOTE, flags, wait_ms, status, str(text)},
            to_response(std::move(*response)));
}

void HttpBinding::fail(Call&& call, Wanted wanted, const TransferFailure& failure) {
  using Kind = TransferFailure::Kind;
  Call mine = std::move(call);
  std::string text = failure.text;
  if (failure.kind == Kind::too_large) {
    text = "the answer is larger than maxResponseBodySize, " + std::to_string(config_.max_response_bytes) +
           " bytes";
  } else if (failure.was_sent) {
    text += "; the request had been sent and may have been carried out";
  }
  if (failure.kind == Kind::unreachable || failure.kind == Kind::tls)
    health_->tell(CLEAT_HEALTH_DOWN, failure.text);
  const bool is_final = failure.kind == Kind::invalid || failure.kind == Kind::too_large ||
                        (failure.was_sent && !wanted.is_idempotent);
  mine.fail(status_of(failure.kind), text, is_final ? 0 : CLEAT_RETRYABLE);
}

void HttpBinding::cancel(std::uint64_t call_id) {
  curl_->cancel(call_id);
}

void HttpBinding::stop(Deadline /*deadline*/) {
  curl_->stop();
}

}  // namespace cleat::http
