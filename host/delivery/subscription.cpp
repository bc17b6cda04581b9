#include "delivery/subscription.hpp"

#include <fmt/core.h>

namespace cleat {

Subscription::Subscription(SubscriptionOptions options, Loop& home, Application& application, Log& log,
                           std::uint32_t random_seed, Task on_yes)
    : options_(std::move(options)),
      home_(home),
      application_(application),
      log_(log),
      random_(random_seed),
      on_yes_(std::move(on_yes)),
      timer_([this] { ask(); }) {}

void Subscription::ask() {
  application_.probe(options_.probe_timeout_ns, [this, round = round_](const Answer& answer) {
    if (round == round_) on_answer(answer);
  });
}

void Subscription::stop() {
  ++round_;
  timer_.disarm();
}

void Subscription::on_answer(const Answer& answer) {
  if (answer.outcome != Outcome::answered) {
    ask_again(std::string(answer.error));
    return;
  }
  // Who does not know the method knows the route: 405, and 501 of servers that know no OPTIONS at all.
  const bool yes = (answer.status >= 200 && answer.status < 300) || answer.status == 405 ||
                   (answer.status == 501 && !options_.strict_dapr);
  if (!yes && answer.status >= 500 && !options_.strict_dapr) {
    ask_again(fmt::format("OPTIONS was answered {}", answer.status));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    state_ = yes ? State::yes : State::no;
    last_answer_ = fmt::format("OPTIONS was answered {}", answer.status);
  }
  if (yes) {
    log_.info("the application takes events of this binding", {{"component", options_.component}});
    on_yes_();
  } else {
    log_.info(fmt::format("app has not subscribed to binding {}.", options_.component),
              {{"component", options_.component}, {"reason", last_answer()}});
  }
}

void Subscription::ask_again(std::string why) {
  ++unanswered_;
  if (unanswered_ == 1) {
    log_.info(
        "the application cannot say yet whether it takes events of this binding: it is asked again until it "
        "does",
        {{"component", options_.component}, {"reason", why}});
  }
  {
    const std::lock_guard lock(mutex_);
    last_answer_ = std::move(why);
  }
  home_.arm(timer_, home_.now_ns() + options_.retry.delay_ns(unanswered_, random_));
}

Subscription::State Subscription::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string Subscription::last_answer() const {
  const std::lock_guard lock(mutex_);
  return last_answer_;
}

}  // namespace cleat
