#include "pubsub_binding.hpp"

#include <utility>

#include "common/deadlines.hpp"
#include "common/on_loop.hpp"

namespace cleat::pubsub {

void PubSubBinding::init(const Config& config) {
  config_ = parse_config(config);
  reads_ = (config.raw().directions & CLEAT_IN) != 0;
  writes_ = (config.raw().directions & CLEAT_OUT) != 0;
}

void PubSubBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.ca;
  curl_.emplace(std::move(options));
  service_.emplace(host_, *curl_, config_);
  publisher_.emplace(*service_, config_);
  if (reads_) receiver_.emplace(host_, *curl_, *service_, config_);
  curl_->start();
  curl_->loop().post([this] { service_->open(reads_, writes_); });
}

void PubSubBinding::ping(Deadline deadline) {
  const Action action =
      reads_ && !config_.subscription.empty() ? Action::look_at_subscription : Action::look_at_topic;
  if (action == Action::look_at_topic && config_.topic.empty()) return;
  const auto ask = [this, action, at_ns = deadline.at_ns](const common::Answer& answer) {
    service_->look(action, at_ns,
                   [answer](const Service::Answer& said) { answer(common::trouble_of(said.failure)); });
  };
  common::ask_and_wait(curl_->loop(), deadline, "Pub/Sub did not answer in time", ask);
}

void PubSubBinding::invoke(const Request& request, Call&& call) {
  publisher_->invoke(request, std::move(call));
}

void PubSubBinding::cancel(std::uint64_t call_id) {
  publisher_->cancel(call_id);
}

void PubSubBinding::begin_input(const Window& window) {
  curl_->loop().post([this, window] { receiver_->begin(window); });
}

void PubSubBinding::set_window(const Window& window) {
  curl_->loop().post([this, window] { receiver_->set_window(window); });
}

void PubSubBinding::settle(Settlements settlements) {
  curl_->loop().post([this, items = common::copy_of(settlements)] { receiver_->settle(items); });
}

void PubSubBinding::end_input(Deadline deadline) {
  if (!receiver_) return;
  if (!common::run_and_wait(curl_->loop(), deadline, [this] { receiver_->end(); }))
    throw Error(CLEAT_TIMEOUT, "reading did not end before the deadline");
}

void PubSubBinding::stop(Deadline deadline) {
  if (receiver_) {
    common::run_and_wait(curl_->loop(), common::for_settling(deadline),
                         [this](std::function<void()> done) { receiver_->when_settled(std::move(done)); });
  }
  common::run_and_wait(curl_->loop(), deadline, [this] {
    if (receiver_) receiver_->close();
    publisher_->end();
    service_->close();
  });
  curl_->stop();
}

}  // namespace cleat::pubsub
