#include "sqs_binding.hpp"

#include <utility>

#include "common/deadlines.hpp"
#include "common/on_loop.hpp"

namespace cleat::sqs {

void SqsBinding::init(const Config& config) {
  config_ = parse_config(config);
  has_input_ = (config.raw().directions & CLEAT_IN) != 0;
}

void SqsBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.aws.ca;
  curl_.emplace(std::move(options));
  queue_.emplace(*curl_, config_,
                 [this](std::int32_t health, const std::string& why) { health_.tell(health, why); });
  sender_.emplace(host_, *queue_, config_);
  if (has_input_) receiver_.emplace(host_, *curl_, *queue_, config_);
  curl_->start();
  curl_->loop().post([this] { queue_->open(); });
}

void SqsBinding::ping(Deadline deadline) {
  const auto ask = [this, at_ns = deadline.at_ns](const common::Answer& answer) {
    queue_->when_found([this, answer, at_ns](const aws::Failure* failure) {
      if (failure != nullptr)
        return answer(Error(failure->status, failure->text, failure->is_retryable ? CLEAT_RETRYABLE : 0));
      queue_->look(at_ns, [answer](const aws::Failure* failed) { answer(common::trouble_of(failed)); });
    });
  };
  common::ask_and_wait(curl_->loop(), deadline, "SQS did not answer in time", ask);
}

void SqsBinding::invoke(const Request& request, Call&& call) {
  sender_->invoke(request, std::move(call));
}

void SqsBinding::cancel(std::uint64_t call_id) {
  sender_->cancel(call_id);
}

void SqsBinding::begin_input(const Window& window) {
  curl_->loop().post([this, window] { receiver_->begin(window); });
}

void SqsBinding::set_window(const Window& window) {
  curl_->loop().post([this, window] { receiver_->set_window(window); });
}

void SqsBinding::settle(Settlements settlements) {
  curl_->loop().post([this, items = common::copy_of(settlements)] { receiver_->settle(items); });
}

void SqsBinding::end_input(Deadline deadline) {
  if (!receiver_) return;
  if (!common::run_and_wait(curl_->loop(), deadline, [this] { receiver_->end(); }))
    throw Error(CLEAT_TIMEOUT, "reading did not end before the deadline");
}

void SqsBinding::stop(Deadline deadline) {
  if (receiver_) {
    common::run_and_wait(curl_->loop(), common::for_settling(deadline),
                         [this](std::function<void()> done) { receiver_->when_settled(std::move(done)); });
  }
  common::run_and_wait(curl_->loop(), deadline, [this] {
    if (receiver_) receiver_->close();
    sender_->end();
    queue_->close();
  });
  curl_->stop();
}

}  // namespace cleat::sqs
