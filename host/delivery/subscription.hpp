#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <string>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "delivery/application.hpp"
#include "policy/backoff.hpp"

namespace cleat {

struct SubscriptionOptions {
  std::string component;
  std::uint64_t probe_timeout_ns = 3 * kSecond;
  bool strict_dapr = false;  ///< 5xx is a no, as in daprd
  Backoff retry{200 * kMillisecond, 5 * kSecond};
};

/// Finds out whether the application wants a component's events, by asking until it knows: 2xx and 405 are yes; 3xx, 404 and
/// other 4xx are no; refused, timeout and 5xx mean ask again. Each component asks for itself, so none holds up another.
class Subscription {
 public:
  enum class State { asking, yes, no };

  /// `on_yes` runs on the home thread, once after each ask() at most.
  Subscription(SubscriptionOptions options, Loop& home, Application& application, Log& log,
               std::uint32_t random_seed, Task on_yes);

  /// Home thread.
  void ask();
  /// No more questions until ask(); an answer that is under way is ignored. Home thread.
  void stop();

  /// Any thread.
  [[nodiscard]] State state() const;
  /// The last answer in words; empty before the first one.
  [[nodiscard]] std::string last_answer() const;

 private:
  void on_answer(const Answer& answer);
  void ask_again(std::string why);

  const SubscriptionOptions options_;
  Loop& home_;
  Application& application_;
  Log& log_;
  std::minstd_rand random_;
  Task on_yes_;
  Timer timer_;
  std::uint32_t unanswered_ = 0;
  std::uint32_t round_ = 0;  ///< answers to questions of an earlier one are ignored

  mutable std::mutex mutex_;
  State state_ = State::asking;
  std::string last_answer_;
};

}  // namespace cleat
