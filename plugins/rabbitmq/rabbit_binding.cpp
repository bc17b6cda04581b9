#include "rabbit_binding.hpp"

#include <array>

namespace cleat::rabbitmq {
namespace {

/// From good to bad.
int badness(std::int32_t state) {
  constexpr std::array<std::int32_t, 4> kOrder{CLEAT_HEALTH_UP, CLEAT_HEALTH_DEGRADED, CLEAT_HEALTH_UNKNOWN,
                                               CLEAT_HEALTH_DOWN};
  for (std::size_t i = 0; i < kOrder.size(); ++i) {
    if (kOrder[i] == state) return static_cast<int>(i);
  }
  return static_cast<int>(kOrder.size());
}

}  // namespace

void RabbitBinding::init(const Config& config) {
  directions_ = config.raw().directions;
  config_ = parse_config(config, directions_);
  check_certificates(config_);
}

void RabbitBinding::start(Deadline deadline) {
  if ((directions_ & CLEAT_OUT) != 0) {
    health_[kPublisher].in_use = true;
    publisher_.emplace(host_, config_,
                       [this](std::int32_t state, const std::string& why) { tell(kPublisher, state, why); });
  }
  if ((directions_ & CLEAT_IN) != 0) {
    health_[kConsumer].in_use = true;
    consumer_.emplace(host_, config_,
                      [this](std::int32_t state, const std::string& why) { tell(kConsumer, state, why); });
  }
  if (publisher_) publisher_->start();
  try {
    if (consumer_) consumer_->start();
  } catch (...) {
    // No stop follows a start that failed.
    if (publisher_) publisher_->stop(deadline);
    throw;
  }
}

void RabbitBinding::tell(Part part, std::int32_t state, const std::string& why) {
  const std::lock_guard lock(health_mutex_);
  health_[part].state = state;
  health_[part].why = why;
  const PartHealth* worst = &health_[part];
  for (const PartHealth& each : health_) {
    if (each.in_use && badness(each.state) > badness(worst->state)) worst = &each;
  }
  if (worst->state != CLEAT_HEALTH_UNKNOWN) host_.set_health(worst->state, worst->why);
}

void RabbitBinding::ping(Deadline deadline) {
  if (publisher_) publisher_->ping(deadline);
  if (consumer_) consumer_->ping(deadline);
}

void RabbitBinding::invoke(const Request& request, Call&& call) {
  publisher_->invoke(request, std::move(call));
}

void RabbitBinding::stop(Deadline deadline) {
  if (consumer_) consumer_->stop(deadline);
  if (publisher_) publisher_->stop(deadline);
}

}  // namespace cleat::rabbitmq
