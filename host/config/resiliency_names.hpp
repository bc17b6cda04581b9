#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/resiliency_place.hpp"
#include "config/yaml.hpp"
#include "policy/policy.hpp"

namespace cleat {

/// The name of a policy as a target gives it; it may be defined in a document that is read later.
struct PolicyName {
  std::string name;  ///< empty: none
  std::string at;    ///< "file:line: resiliency 'r1': targets.components.orders.inbound.retry"
};

struct PolicyNames {
  PolicyName timeout, retry, breaker;
};

/// One entry of targets.components.
struct ResiliencyTarget {
  PolicyNames inbound, outbound;
  std::string at;  ///< of the entry itself
};

/// An entry of null fills neither direction and still shuts the defaults out, as in daprd.
Result<ResiliencyTarget> read_target(const std::string& component, const YamlNode& node,
                                     const ResiliencyPlace& place);

/// The policies that the names stand for. The error says where the name is given and which ones there are.
Result<Policy> resolve(const PolicyNames& names, const Policies& policies);

}  // namespace cleat
