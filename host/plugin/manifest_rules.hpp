#pragma once

#include <string>
#include <string_view>

namespace cleat {

/// "bindings." and a name of letters, digits, '.', '_' and '-'.
bool is_type_name(std::string_view name);
/// "v1", "v2alpha1": as a component's spec.version has it.
bool is_type_version(std::string_view text);
/// "2.3.1", "2.3.1-rc.1", "2.3.1+build": one to four numbers, so that any two can be compared.
bool is_plugin_version(std::string_view text);
/// Below, at or above 0 as `a` is older than, equal to or newer than `b`, by the rules of semver.org; a
/// missing number is 0.
int compare_plugin_versions(std::string_view a, std::string_view b);

struct AbiCheck {
  bool other_version =
      false;          ///< a version indeed, but not ours: the rest of the document may follow other rules
  std::string fault;  ///< empty: it is ours
};
AbiCheck check_abi(std::string_view abi);

}  // namespace cleat
