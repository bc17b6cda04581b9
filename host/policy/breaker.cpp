#include "policy/breaker.hpp"

namespace cleat {

bool Breaker::allows(std::uint64_t now_ns) {
  advance(now_ns);
  if (state_ == State::half_open) return running_ < settings_.max_requests;
  return state_ == State::closed;
}

Breaker::Period Breaker::begin(std::uint64_t now_ns) {
  advance(now_ns);
  ++running_;
  ++counts_.requests;
  return period_;
}

void Breaker::succeeded(Period period, std::uint64_t now_ns) {
  advance(now_ns);
  if (period != period_) return;
  --running_;
  ++counts_.total_successes;
  ++counts_.consecutive_successes;
  counts_.consecutive_failures = 0;
  if (state_ == State::half_open && counts_.consecutive_successes >= settings_.max_requests)
    enter(State::closed, now_ns);
}

void Breaker::failed(Period period, std::uint64_t now_ns) {
  advance(now_ns);
  if (period != period_) return;
  --running_;
  ++counts_.total_failures;
  ++counts_.consecutive_failures;
  counts_.consecutive_successes = 0;
  if (state_ == State::half_open || (state_ == State::closed && settings_.trip.holds(counts_)))
    enter(State::open, now_ns);
}

void Breaker::forget(Period period, std::uint64_t now_ns) {
  advance(now_ns);
  if (period != period_) return;
  --running_;
  --counts_.requests;
}

Breaker::State Breaker::state(std::uint64_t now_ns) {
  advance(now_ns);
  return state_;
}

/// The end of a period: closed begins to count anew, open becomes half open. Half open has no end of its own.
void Breaker::advance(std::uint64_t now_ns) {
  if (until_ns_ == 0 || now_ns < until_ns_) {
    if (until_ns_ != 0 || state_ != State::closed || settings_.interval_ns == 0) return;
    // The first period begins with the first look at the clock.
    until_ns_ = now_ns + settings_.interval_ns;
    return;
  }
  enter(state_ == State::open ? State::half_open : State::closed, now_ns);
}

void Breaker::enter(State state, std::uint64_t now_ns) {
  state_ = state;
  ++period_;
  running_ = 0;
  counts_ = {};
  const std::uint64_t length = state == State::open     ? settings_.timeout_ns
                               : state == State::closed ? settings_.interval_ns
                                                        : 0;
  until_ns_ = length == 0 ? 0 : now_ns + length;
}

}  // namespace cleat
