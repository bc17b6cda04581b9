#include "config/resiliency_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/suggest.hpp"
#include "config/document_head.hpp"
#include "config/value_text.hpp"

namespace cleat {
namespace {

constexpr std::array<std::string_view, 2> kDirections{"inbound", "outbound"};
constexpr std::array<std::string_view, 3> kNames{"timeout", "retry", "circuitBreaker"};
constexpr std::size_t kMostShown = 10;

Result<PolicyName> read_name(const YamlNode& map, std::string_view key, const std::string& what,
                             const ResiliencyPlace& place) {
  const YamlNode* node = map.find(key);
  if (!is_given(node)) return PolicyName{};
  const std::string path = fmt::format("{}.{}", what, key);
  if (node->is(YamlNode::Kind::scalar))
    return PolicyName{plain_text(*node), fmt::format("{}: {}", place.at(node->line), path)};
  return place.fault(node->line,
                     fmt::format("{}: expected the name of a policy, found {}", path, shown(*node)));
}

Result<PolicyNames> read_names(const YamlNode& target, std::string_view direction, const std::string& what,
                               const ResiliencyPlace& place) {
  const std::string path = fmt::format("{}.{}", what, direction);
  PolicyNames names;
  const auto map = mapping_at(target, direction, path, place);
  if (!map) return map.error();
  if (*map == nullptr) return names;
  if (const auto checked = check_keys(**map, kNames, path, place); !checked) return checked.error();
  const std::array<PolicyName*, 3> wanted{&names.timeout, &names.retry, &names.breaker};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    auto name = read_name(**map, kNames[i], path, place);
    if (!name) return name.error();
    *wanted[i] = std::move(*name);
  }
  return names;
}

/// nullptr: no name is given.
template <class Map, class Value = const typename Map::mapped_type>
Result<Value*> look_up(const PolicyName& wanted, const Map& defined, std::string_view list) {
  if (wanted.name.empty()) return static_cast<Value*>(nullptr);
  if (const auto found = defined.find(wanted.name); found != defined.end()) return &found->second;
  std::vector<std::string_view> known;
  for (const auto& entry : defined)
    known.push_back(entry.first);
  const std::string_view meant = nearest_name(wanted.name, known);
  const bool is_cut = known.size() > kMostShown;
  known.resize(std::min(known.size(), kMostShown));
  const std::string names =
      known.empty() ? "none is defined" : fmt::format("{}{}", fmt::join(known, ", "), is_cut ? ", ..." : "");
  return fail(fmt::format("{}: expected a name of spec.policies.{} ({}), found '{}'{}", wanted.at, list,
                          names, wanted.name.substr(0, 100),
                          meant.empty() ? "" : fmt::format(": did you mean '{}'?", meant)));
}

}  // namespace

Result<ResiliencyTarget> read_target(const std::string& component, const YamlNode& node,
                                     const ResiliencyPlace& place) {
  const std::string what = fmt::format("targets.components.{}", component.substr(0, 100));
  ResiliencyTarget target;
  target.at = fmt::format("{}: {}", place.at(node.line), what);
  if (!is_given(&node)) return target;
  if (!node.is(YamlNode::Kind::map))
    return place.fault(node.line, fmt::format("{}: expected a mapping, found {}", what, shown(node)));
  if (const auto checked = check_keys(node, kDirections, what, place); !checked) return checked.error();
  auto inbound = read_names(node, kDirections[0], what, place);
  if (!inbound) return inbound.error();
  auto outbound = read_names(node, kDirections[1], what, place);
  if (!outbound) return outbound.error();
  target.inbound = std::move(*inbound);
  target.outbound = std::move(*outbound);
  return target;
}

Result<Policy> resolve(const PolicyNames& names, const Policies& policies) {
  const auto timeout = look_up(names.timeout, policies.timeouts, "timeouts");
  if (!timeout) return timeout.error();
  const auto retry = look_up(names.retry, policies.retries, "retries");
  if (!retry) return retry.error();
  const auto breaker = look_up(names.breaker, policies.breakers, "circuitBreakers");
  if (!breaker) return breaker.error();
  Policy policy;
  if (*timeout != nullptr) policy.timeout_ns = **timeout;
  if (*retry != nullptr) policy.retry = **retry;
  if (*breaker != nullptr) policy.breaker = **breaker;
  return policy;
}

}  // namespace cleat
