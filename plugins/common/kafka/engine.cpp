#include "common/kafka/engine.hpp"

#include <string>
#include <utility>

namespace cleat::kafka {

Engine::Engine(Host host, Settings settings, std::uint32_t directions)
    : host_(host),
      settings_(std::move(settings)),
      directions_(directions),
      health_(host, settings_.service) {}

void Engine::start(ReadRequest read, Describe describe) {
  if ((directions_ & CLEAT_OUT) != 0 && !settings_.publish_topic.empty())
    producer_ = std::make_unique<Producer>(settings_, host_, health_, std::move(read));
  if ((directions_ & CLEAT_IN) != 0 && !settings_.topics.empty())
    consumer_ = std::make_unique<Consumer>(settings_, host_, health_, std::move(describe));
}

void Engine::ping(Deadline deadline) {
  bool answers = true;
  if (producer_) answers = producer_->ping(deadline);
  if (consumer_ && answers) answers = consumer_->ping(deadline);
  if (answers) return;
  const auto part = producer_ ? HealthBoard::producer : HealthBoard::consumer;
  const std::string why = health_.why(part);
  throw Error(CLEAT_UNAVAILABLE, why.empty() ? "no " + settings_.service + " broker answered in time" : why,
              CLEAT_RETRYABLE);
}

bool Engine::begin_input(const Window& window) {
  if (consumer_)
    consumer_->begin(window);
  else if (!is_beating_.exchange(true))
    beat();
  return consumer_ != nullptr;
}

/// Without a consumer nothing can hang, but the manifest promises a sign of life.
void Engine::beat() {
  health_.beat();
  constexpr std::uint64_t kEveryNs = 5'000'000'000;
  const auto again = [this](bool is_cancelled) {
    if (!is_cancelled) beat();
  };
  if (host_.post(again, host_.now_ns() + kEveryNs) != CLEAT_OK) is_beating_ = false;
}

void Engine::set_window(const Window& window) {
  if (consumer_) consumer_->set_window(window);
}

void Engine::settle(const Settlements& settlements) {
  if (consumer_) consumer_->settle(settlements);
}

void Engine::end_input() {
  if (consumer_) consumer_->end();
}

void Engine::stop(Deadline deadline) {
  // The calls first: they are few by now, and the consumer may need all the time there is to leave its group.
  if (producer_) producer_->stop(deadline);
  if (consumer_) consumer_->stop(deadline);
  consumer_.reset();
  producer_.reset();
}

}  // namespace cleat::kafka
