#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/metadata.hpp"

namespace cleat {

/// What a host field's reader works on.
struct HostFieldTarget {
  HostFields& fields;
  const BindingType& type;
  std::vector<std::string>& faults;    ///< "expected ..., found ...", without the component and the field
  std::vector<std::string>& warnings;  ///< the same
};

/// One entry of spec.metadata that the host takes for itself, whatever the binding type.
struct HostField {
  std::string_view name;
  std::string_view help;
  void (*read)(HostFieldTarget&, std::string_view value);
  /// A type may have a field of this name too, as Dapr's component has: what is no word of the host's is meant for it.
  bool (*is_own_word)(std::string_view value) = nullptr;
};

/// Every one of them, once: checking, the names that a manifest may not use, and the documentation come from
/// here.
std::vector<HostField> host_fields();

/// By name without case; nullptr: none.
const HostField* find_host_field(std::string_view name);

}  // namespace cleat
