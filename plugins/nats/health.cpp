#include "health.hpp"

namespace cleat::nats {
namespace {

/// Below the heartbeat of the manifest, also when the one who calls beat() waits for its longest time in between.
constexpr std::uint64_t kBeatEveryNs = 4'000'000'000;

/// How much a state matters to who looks at the component.
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

void Health::set(Part part, std::int32_t state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  Says& says = parts_[part];
  if (says.state == state && says.why == why) return;
  const std::int32_t before = says.state;
  says = {state, why};
  const char* name = part == input ? "input" : "output";
  if (is_bad(state))
    host_.log(CLEAT_LOG_WARN, why, {{"part", name}});
  else if (is_bad(before))
    host_.log(CLEAT_LOG_INFO, "NATS is served again", {{"part", name}});
  const Says& worse =
      weight(parts_[output].state) > weight(parts_[input].state) ? parts_[output] : parts_[input];
  if (worse.state == told_.state && worse.why == told_.why) return;
  told_ = worse;
  tell();
}

void Health::tell() {
  told_at_ns_ = host_.now_ns();
  host_.set_health(told_.state, told_.why);
}

void Health::beat() {
  const std::lock_guard lock(mutex_);
  if (host_.now_ns() >= told_at_ns_ + kBeatEveryNs) tell();
}

std::string Health::why(Part part) const {
  const std::lock_guard lock(mutex_);
  return parts_[part].why;
}

}  // namespace cleat::nats
