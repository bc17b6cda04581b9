#include "health.hpp"

namespace cleat::mqtt {
namespace {

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

}  // namespace

void Health::set(Part part, std::int32_t state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  Says& says = parts_[part];
  if (says.state == state && says.why == why) return;
  const bool was_bad = weight(says.state) > 1;
  says = {state, why};
  const char* name = part == input ? "input" : "output";
  if (weight(state) > 1)
    host_.log(CLEAT_LOG_WARN, why, {{"part", name}});
  else if (was_bad)
    host_.log(CLEAT_LOG_INFO, "all is well again with the broker", {{"part", name}});
  const Says& worse =
      weight(parts_[output].state) > weight(parts_[input].state) ? parts_[output] : parts_[input];
  if (worse.state == told_.state && worse.why == told_.why) return;
  told_ = worse;
  host_.set_health(told_.state, told_.why);
}

std::int32_t Health::state(Part part) const {
  const std::lock_guard lock(mutex_);
  return parts_[part].state;
}

std::string Health::why(Part part) const {
  const std::lock_guard lock(mutex_);
  return parts_[part].why;
}

}  // namespace cleat::mqtt
