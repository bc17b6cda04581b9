#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "common/back_off.hpp"
#include "common/event_loop.hpp"

namespace cleat::common {

/// Looks at a far end again and again while something is wrong with it, ever more rarely, and one look at a time: a call would
/// find out too that it is back, but none may come as long as the component counts as unwell. On the loop's thread.
class Lookout {
 public:
  /// Whether that was the last one for now.
  using Done = std::function<void(bool is_well)>;
  /// One look; calls `done` once, by the deadline at the latest.
  using Look = std::function<void(std::uint64_t deadline_ns, Done done)>;
  struct Times {
    std::chrono::milliseconds first{500}, most{30'000};  ///< between two looks
    std::chrono::milliseconds within{10'000};            ///< for one
  };

  /// `loop` outlives it.
  Lookout(EventLoop& loop, Look look, Times times);
  Lookout(EventLoop& loop, Look look) : Lookout(loop, std::move(look), Times()) {}

  /// Now, unless a look is out.
  void look();
  /// Something is wrong: after a while, which is `at_least` so long, unless a look is out or due anyway.
  void look_later(std::chrono::milliseconds at_least = {});
  /// A call was carried out: nothing is left to look for.
  void rest();
  /// No look begins any more.
  void stop();

 private:
  using Clock = EventLoop::Clock;

  void cancel();

  EventLoop& loop_;
  const Look look_;
  const Times times_;
  BackOff back_off_;
  std::chrono::milliseconds at_least_{};
  std::optional<Clock::time_point> well_since_;  ///< by a look; one alone does not shorten the waits
  EventLoop::TimerId timer_ = 0;
  bool is_out_ = false, is_stopped_ = false;
};

}  // namespace cleat::common
