#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "common/event_loop.hpp"
#include "common/told_health.hpp"

namespace cleat::common {

/// As ToldHealth, for a far end that nobody can ask without leaving a trace there. What a call found wrong is believed for a
/// time; then nothing is known until the next one: else a host that is sent no calls because of it would never be sent any
/// again. On the loop's thread, with which it ends.
class FadingHealth {
 public:
  /// `loop` outlives it.
  FadingHealth(Host host, EventLoop& loop,
               std::chrono::milliseconds believed = std::chrono::milliseconds(30'000))
      : told_(host), loop_(loop), believed_(believed) {}

  /// What a call found: CLEAT_HEALTH_UP, or that it is not.
  void tell(std::int32_t health, const std::string& why) {
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    told_.tell(health, why);
    if (health == CLEAT_HEALTH_UP) return;
    timer_ = loop_.after(believed_, [this] {
      timer_ = 0;
      told_.tell(CLEAT_HEALTH_UNKNOWN, {});
    });
  }

 private:
  ToldHealth told_;
  EventLoop& loop_;
  const std::chrono::milliseconds believed_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace cleat::common
