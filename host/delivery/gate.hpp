#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "delivery/verdict.hpp"
#include "plugin/event.hpp"
#include "policy/policy.hpp"

namespace cleat {

struct GateOptions {
  /// While the application cannot be reached, one attempt at a time asks for it, soon enough that a restart is hardly felt.
  Backoff unreachable{100 * kMillisecond, 3 * kSecond};
  /// An application that has had the one that asks for so long, twice over, and not hung up on it is there and only slow.
  std::uint64_t patience_ns = 500 * kMillisecond;
  /// After a 429 that does not say how long.
  Backoff throttled{1 * kSecond, 30 * kSecond};
  std::optional<BreakerSettings> breaker;
};

/// Whether a component's attempts may begin: what is about the application as a whole and not about one event. The
/// application is unreachable (one trial at a time asks for it), asked for a pause, or its circuit breaker is open.
class Gate {
 public:
  explicit Gate(GateOptions options);

  [[nodiscard]] bool is_open(std::uint64_t now_ns);
  /// When it may be open again without an answer coming; 0: only an answer opens it.
  [[nodiscard]] std::uint64_t opens_at_ns(std::uint64_t now_ns);

  /// An attempt that is out: when it began, and what the breaker knows it by.
  struct Attempt {
    std::uint64_t began_ns = 0;
    Breaker::Period period = 0;
  };
  /// One attempt begins.
  [[nodiscard]] Attempt begin(std::uint64_t now_ns);
  /// It was taken back, or ended without an answer that says anything (cut, expired).
  void forget(const Attempt& attempt, std::uint64_t now_ns);
  void unreachable(const Attempt& attempt, std::uint64_t now_ns, std::minstd_rand& random);
  /// A whole answer came, or a part of one; `is_success`: with a 2xx.
  void answered(const Attempt& attempt, const Judgement& judgement, bool is_success, std::uint64_t now_ns,
                std::minstd_rand& random);

  [[nodiscard]] bool is_reachable() const { return reachable_; }
  /// When the attempt began that asks for an unreachable application; 0: none does.
  [[nodiscard]] std::uint64_t trial_began_ns() const { return trial_began_ns_; }
  /// The application has that attempt, and takes its time. Should it hang up after all, the back-off goes on.
  void trust_trial();
  /// In words, or empty where nothing holds attempts up.
  [[nodiscard]] std::string why_closed(std::uint64_t now_ns);
  [[nodiscard]] bool is_misconfigured() const { return misconfigured_; }

 private:
  bool end_trial(const Attempt& attempt);

  const Backoff unreachable_backoff_, throttled_backoff_;
  std::optional<Breaker> breaker_;
  bool reachable_ = true;
  bool misconfigured_ = false;
  std::uint32_t unreachable_in_a_row_ = 0, throttled_in_a_row_ = 0;
  std::uint64_t trial_at_ns_ = 0;
  std::uint64_t trial_began_ns_ = 0;  ///< of the one that asks for the application now; 0: none does
  std::uint64_t paused_until_ns_ = 0;
};

}  // namespace cleat
