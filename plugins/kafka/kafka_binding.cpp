#include "kafka_binding.hpp"

#include <algorithm>
#include <string>

#include "header_filter.hpp"

namespace cleat::kafka {

KafkaBinding::KafkaBinding(Host host) : host_(host), health_(host) {}

void KafkaBinding::init(const Config& config) {
  config_ = read_config(config, rd_kafka_version());
  directions_ = config.raw().directions;
  const HeaderFilter checked(config_.exclude_headers);
  if (config.check_only()) return;
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
}

/// The clients connect in the background and again after every loss, so a broker that is away is no reason to
/// fail.
void KafkaBinding::start(Deadline /*deadline*/) {
  if ((directions_ & CLEAT_OUT) != 0 && !config_.publish_topic.empty())
    producer_ = std::make_unique<Producer>(config_, host_, health_);
  if ((directions_ & CLEAT_IN) != 0 && !config_.topics.empty())
    consumer_ = std::make_unique<Consumer>(config_, host_, health_);
}

void KafkaBinding::ping(Deadline deadline) {
  bool answers = true;
  if (producer_) answers = producer_->ping(deadline);
  if (consumer_ && answers) answers = consumer_->ping(deadline);
  if (answers) return;
  const auto part = producer_ ? HealthBoard::producer : HealthBoard::consumer;
  const std::string why = health_.why(part);
  throw Error(CLEAT_UNAVAILABLE, why.empty() ? "no Kafka broker answered in time" : why, CLEAT_RETRYABLE);
}

void KafkaBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED, "bindings.kafka offers the operation create, found '" +
                                       std::string(request.operation()) + "'");
  if (!producer_)
    throw Error(CLEAT_INVALID,
                "kafka error: this component has no publishTopic, so there is no topic to write to");
  producer_->create(request, std::move(call));
}

void KafkaBinding::begin_input(const Window& window) {
  if (consumer_) {
    consumer_->begin(window);
  } else {
    // As Dapr's component: reading succeeds and does nothing.
    host_.log(CLEAT_LOG_WARN, "this component has no topics, so nothing is read from Kafka");
    if (!is_beating_.exchange(true)) beat();
  }
}

/// Without a consumer nothing can hang, but the manifest promises a sign of life.
void KafkaBinding::beat() {
  health_.beat();
  constexpr std::uint64_t kEveryNs = 5'000'000'000;
  const auto again = [this](bool is_cancelled) {
    if (!is_cancelled) beat();
  };
  if (host_.post(again, host_.now_ns() + kEveryNs) != CLEAT_OK) is_beating_ = false;
}

void KafkaBinding::set_window(const Window& window) {
  if (consumer_) consumer_->set_window(window);
}

void KafkaBinding::settle(const Settlements& settlements) {
  if (consumer_) consumer_->settle(settlements);
}

void KafkaBinding::end_input(Deadline /*deadline*/) {
  if (consumer_) consumer_->end();
}

void KafkaBinding::stop(Deadline deadline) {
  // The calls first: they are few by now, and the consumer may need all the time there is to leave its group.
  if (producer_) producer_->stop(deadline);
  if (consumer_) consumer_->stop(deadline);
  consumer_.reset();
  producer_.reset();
}

}  // namespace cleat::kafka
