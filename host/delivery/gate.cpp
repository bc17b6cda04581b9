#include "delivery/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace cleat {

Gate::Gate(GateOptions options)
    : unreachable_backoff_(options.unreachable), throttled_backoff_(options.throttled) {
  if (options.breaker) breaker_.emplace(std::move(*options.breaker));
}

bool Gate::is_open(std::uint64_t now_ns) {
  if (now_ns < paused_until_ns_) return false;
  if (!reachable_ && (trial_began_ns_ != 0 || now_ns < trial_at_ns_)) return false;
  return !breaker_ || breaker_->allows(now_ns);
}

std::uint64_t Gate::opens_at_ns(std::uint64_t now_ns) {
  if (!reachable_ && trial_began_ns_ != 0) return 0;
  std::uint64_t at = now_ns < paused_until_ns_ ? paused_until_ns_ : 0;
  if (!reachable_ && now_ns < trial_at_ns_) at = std::max(at, trial_at_ns_);
  if (breaker_) at = std::max(at, breaker_->opens_at_ns());
  return at;
}

Gate::Attempt Gate::begin(std::uint64_t now_ns) {
  if (!reachable_) trial_began_ns_ = now_ns;
  return {now_ns, breaker_ ? breaker_->begin(now_ns) : 0};
}

// Only one attempt at a time begins while the application is unreachable, so its beginning tells it from those that were out
// before.
bool Gate::end_trial(const Attempt& attempt) {
  if (trial_began_ns_ == 0 || attempt.began_ns != trial_began_ns_) return false;
  trial_began_ns_ = 0;
  return true;
}

void Gate::trust_trial() {
  reachable_ = true;
  trial_began_ns_ = 0;
}

void Gate::forget(const Attempt& attempt, std::uint64_t now_ns) {
  end_trial(attempt);
  if (breaker_) breaker_->forget(attempt.period, now_ns);
}

void Gate::unreachable(const Attempt& attempt, std::uint64_t now_ns, std::minstd_rand& random) {
  if (breaker_) breaker_->failed(attempt.period, now_ns);
  // Attempts that were out together fail together, some sooner and some later: they count once.
  const bool was_trial = end_trial(attempt);
  if (!reachable_ && !was_trial) return;
  reachable_ = false;
  trial_at_ns_ = now_ns + unreachable_backoff_.delay_ns(++unreachable_in_a_row_, random);
}

void Gate::answered(const Attempt& attempt, const Judgement& judgement, bool is_success, std::uint64_t now_ns,
                    std::minstd_rand& random) {
  // An application that asks for a drop or a dead letter in so many words is as well as one that takes the event.
  const bool succeeded =
      judgement.verdict == Verdict::ack || (is_success && judgement.verdict != Verdict::retry);
  reachable_ = true;
  trial_began_ns_ = 0;
  unreachable_in_a_row_ = 0;
  if (breaker_ && succeeded) breaker_->succeeded(attempt.period, now_ns);
  if (breaker_ && !succeeded) breaker_->failed(attempt.period, now_ns);
  if (judgement.misconfigured) misconfigured_ = true;
  if (is_success || succeeded) misconfigured_ = false;
  if (succeeded) throttled_in_a_row_ = 0;
  if (!judgement.pauses) return;
  // Those that were out together were throttled together: their back-off counts once.
  if (judgement.pause_ns > 0) {
    paused_until_ns_ = std::max(paused_until_ns_, now_ns + judgement.pause_ns);
  } else if (now_ns >= paused_until_ns_) {
    paused_until_ns_ = now_ns + throttled_backoff_.delay_ns(++throttled_in_a_row_, random);
  }
}

std::string Gate::why_closed(std::uint64_t now_ns) {
  if (!reachable_) return "the application cannot be reached: one attempt at a time asks for it";
  if (now_ns < paused_until_ns_) {
    return fmt::format("the application asked for a pause: no attempt begins within {}",
                       format_duration(paused_until_ns_ - now_ns));
  }
  if (breaker_ && breaker_->state(now_ns) == Breaker::State::open) {
    return fmt::format("the circuit breaker '{}' is open for another {}", breaker_->name(),
                       format_duration(breaker_->opens_at_ns() - now_ns));
  }
  return {};
}

}  // namespace cleat
