#include "common/kafka/health_board.hpp"

#include <algorithm>

namespace cleat::kafka {
namespace {

/// Below the heartbeat of the manifest, also when the one who calls beat() sleeps for its longest time in between.
constexpr std::uint64_t kBeatEveryNs = 4'000'000'000;

/// How much a state matters to who looks at the component. UNKNOWN weighs least.
int weight(std::int32_t state) {
  switch (state) {
    case CLEAT_HEALTH_UP:
      return 1;
    case CLEAT_HEALTH_DEGRADED:
      return 2;
    case CLEAT_HEALTH_STALLED:
      return 3;
    case CLEAT_HEALTH_DOWN:
      return 4;
    default:
      return 0;
  }
}

bool is_bad(std::int32_t state) {
  return weight(state) > weight(CLEAT_HEALTH_UP);
}

}  // namespace

void HealthBoard::set(Part part, std::int32_t state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  Says& says = parts_[part];
  if (says.state == state && says.why == why) return;
  const std::int32_t before = says.state;
  says = {state, why};
  report();
  constexpr std::array<const char*, 3> kNames{"reading", "consumer", "producer"};
  if (is_bad(state))
    host_.log(CLEAT_LOG_WARN, why, {{"part", kNames[part]}});
  else if (is_bad(before))
    host_.log(CLEAT_LOG_INFO,
              part == reading ? service_ + " is read again" : "connected to " + service_ + " again",
              {{"part", kNames[part]}});
}

void HealthBoard::report() {
  const Says& worst = *std::max_element(parts_.begin(), parts_.end(), [](const Says& a, const Says& b) {
    return weight(a.state) < weight(b.state);
  });
  if (worst.state == told_.state && worst.why == told_.why) return;
  told_ = worst;
  tell();
}

void HealthBoard::tell() {
  told_at_ns_ = host_.now_ns();
  host_.set_health(told_.state, told_.why);
}

void HealthBoard::beat() {
  const std::lock_guard lock(mutex_);
  if (host_.now_ns() >= told_at_ns_ + kBeatEveryNs) tell();
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
