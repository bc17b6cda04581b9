#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <string>

namespace cleat::common {

/// What the host knows of the health: it is told when that changes. For one thread.
class ToldHealth {
 public:
  explicit ToldHealth(Host host) : host_(host) {}

  void tell(std::int32_t health, const std::string& why) {
    if (health == health_ && why == why_) return;
    health_ = health;
    why_ = why;
    host_.set_health(health, why);
  }

 private:
  Host host_;
  std::int32_t health_ = CLEAT_HEALTH_UNKNOWN;
  std::string why_;
};

}  // namespace cleat::common
