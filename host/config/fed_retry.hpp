#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugin/manifest.hpp"
#include "policy/policy.hpp"

namespace cleat {

/// A value that a component gives to a field that feeds the host's retry, normalised.
struct FedValue {
  std::string name;  ///< the field's, as the component has it
  std::string value;
};
using FedValues = std::map<Field::Feeds, FedValue>;

/// One thing to say about a field.
struct FieldRemark {
  std::string name, text;
};

/// The retry that a component's own fields ask for (Dapr's `backOff*`), with Dapr's defaults for what is not given: constant,
/// 5 s; exponential, 500 ms to 60 s, times 1.5, ±50 %, for 15 minutes at most. Unlike in Dapr, one without a limit of its own has
/// no limit. Nothing: they ask for none. `has_switch`: the type has a field that turns it on.
std::optional<RetryPolicy> fed_retry(const FedValues& given, bool has_switch,
                                     std::vector<FieldRemark>& faults, std::vector<FieldRemark>& warnings);

}  // namespace cleat
