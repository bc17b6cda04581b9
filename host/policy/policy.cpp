#include "policy/policy.hpp"

#include <array>

namespace cleat {
namespace {

/// The four names of a default policy, the narrowest first. daprd's are the same.
std::array<std::string, 4> default_names(Direction direction, std::string_view what) {
  const std::string side = direction == Direction::inbound ? "Inbound" : "Outbound";
  const std::string end = std::string(what) + "Policy";
  return {"DefaultBindingComponent" + side + end, "DefaultComponent" + side + end, "DefaultComponent" + end,
          "Default" + end};
}

template <class Map>
const typename Map::mapped_type* first_of(const Map& map, const std::array<std::string, 4>& names) {
  for (const std::string& name : names) {
    if (const auto found = map.find(name); found != map.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace

Policy Policies::find(std::string_view component, Direction direction) const {
  if (const auto target = targets.find(component); target != targets.end())
    return direction == Direction::inbound ? target->second.inbound : target->second.outbound;
  Policy policy;
  if (const auto* timeout = first_of(timeouts, default_names(direction, "Timeout")))
    policy.timeout_ns = *timeout;
  if (const auto* retry = first_of(retries, default_names(direction, "Retry"))) policy.retry = *retry;
  if (const auto* breaker = first_of(breakers, default_names(direction, "CircuitBreaker")))
    policy.breaker = *breaker;
  return policy;
}

const RetryPolicy* Policies::find_retry(std::string_view name) const {
  const auto found = retries.find(name);
  return found == retries.end() ? nullptr : &found->second;
}

}  // namespace cleat
