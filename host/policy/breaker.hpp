#pragma once

#include <cstdint>
#include <string>

#include "base/loop.hpp"
#include "policy/trip.hpp"

namespace cleat {

struct BreakerSettings {
  std::string name;
  std::uint32_t max_requests = 1;  ///< attempts that may run while half open, and successes that close it
  std::uint64_t interval_ns = 0;   ///< how often the counts start anew while closed; 0: never
  std::uint64_t timeout_ns = 60 * kSecond;  ///< how long it stays open
  Trip trip;                                ///< asked after each failure while closed
};

/// A circuit breaker over the attempts of one component in one direction, as Dapr has it (closed, open, half open). Knows no
/// clock and no thread: whoever holds it gives the time and keeps it to one thread.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  /// Names the period that an attempt began in. A result that comes after that period says nothing about the present.
  using Period = std::uint32_t;

  explicit Breaker(BreakerSettings settings) : settings_(std::move(settings)) {}

  /// Whether an attempt may begin now; changes nothing but the state that is due.
  [[nodiscard]] bool allows(std::uint64_t now_ns);
  /// Counts the beginning of one attempt, which allows() let through.
  Period begin(std::uint64_t now_ns);
  void succeeded(Period period, std::uint64_t now_ns);
  void failed(Period period, std::uint64_t now_ns);
  /// The attempt ended without saying anything (it was taken back).
  void forget(Period period, std::uint64_t now_ns);

  [[nodiscard]] State state(std::uint64_t now_ns);
  /// While open: when it becomes half open. Otherwise 0.
  [[nodiscard]] std::uint64_t opens_at_ns() const { return state_ == State::open ? until_ns_ : 0; }
  [[nodiscard]] const std::string& name() const { return settings_.name; }

 private:
  void advance(std::uint64_t now_ns);
  void enter(State state, std::uint64_t now_ns);

  const BreakerSettings settings_;
  State state_ = State::closed;
  Period period_ = 0;
  std::uint64_t until_ns_ = 0;  ///< end of the present period; 0: none
  std::uint32_t running_ = 0;   ///< begun in this period and not ended
  BreakerCounts counts_;
};

}  // namespace cleat
