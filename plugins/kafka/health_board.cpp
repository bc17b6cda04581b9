#include "health_board.hpp"

#include <algorithm>

namespace cleat::kafka {

void HealthBoard::set(Part part, std::int32_t state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  Says& says = parts_[part];
  if (says.state == state && says.why == why) return;
  const std::int32_t before = says.state;
  says = {state, why};
  report();
  constexpr std::array<const char*, 3> kNames{"reading", "consumer", "producer"};
  const bool is_bad = state == CLEAT_HEALTH_DEGRADED || state == CLEAT_HEALTH_DOWN;
  if (is_bad)
    host_.log(CLEAT_LOG_WARN, why, {{"part", kNames[part]}});
  else if (before == CLEAT_HEALTH_DEGRADED || before == CLEAT_HEALTH_DOWN)
    host_.log(CLEAT_LOG_INFO, part == reading ? "Kafka is read again" : "connected to Kafka again",
              {{"part", kNames[part]}});
}

/// UNKNOWN weighs least.
void HealthBoard::report() {
  const Says& worst = *std::max_element(parts_.begin(), parts_.end(),
                                        [](const Says& a, const Says& b) { return a.state < b.state; });
  if (worst.state == told_.state && worst.why == told_.why) return;
  told_ = worst;
  host_.set_health(told_.state, told_.why);
}

std::int32_t HealthBoard::state(Part part) const {
  const std::lock_guard lock(mutex_);
  return parts_[part].state;
}

std::string HealthBoard::why(Part part) const {
  const std::lock_guard lock(mutex_);
  return parts_[part].why;
}

}  // namespace cleat::kafka
