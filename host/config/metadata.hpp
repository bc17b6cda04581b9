#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "config/component.hpp"
#include "plugin/manifest.hpp"
#include "policy/delivery_fields.hpp"
#include "policy/policy.hpp"

namespace cleat {

/// What it means that a component did not start.
enum class InitPolicy : std::uint8_t {
  retry,  ///< it is tried again, for ever
  fail,   ///< the host ends
  ignore  ///< the host goes on without it
};

/// The host's own entries of spec.metadata, taken out before the plugin's fields are checked. Names are
/// compared without case, except `route`, which Dapr compares exactly.
struct HostFields {
  std::uint32_t directions = 0;           ///< in use: what the type offers, narrowed by `direction`
  bool direction_given = false;           ///< `direction` names input: no probe is needed
  std::string route;                      ///< path on the application; empty: the component's name
  std::uint64_t invoke_timeout_ns = 0;    ///< `invokeTimeout`; 0: the default
  bool strict = false;                    ///< unknown fields are errors
  bool content_type_from_source = false;  ///< `contentType: source`
  bool rich_status = false;               ///< `richStatus`
  bool required = false;                  ///< readiness waits for it
  InitPolicy init_policy = InitPolicy::retry;
  bool init_policy_given = false;  ///< otherwise Dapr's `ignoreErrors` may say something
  DeliveryFields delivery;
  /// What the plugin's own fields that feed the host's retry ask for; only where the component gives them.
  std::optional<RetryPolicy> fed_retry;
};

struct CheckedMetadata {
  HostFields host;
  /// The manifest's spelling of the names, defaults filled in where the field's direction is in use. Values
  /// are normalised:
  ///   boolean   "true" or "false"
  ///   integer   decimal, whatever base the file has (0x10 -> "16")
  ///   number    as written, without blanks around it or a plus
  ///   duration  whole nanoseconds in decimal ("1.5s" -> "1500000000")
  ///   size      whole bytes in decimal ("4Mi" -> "4194304")
  ///   allowed   the manifest's spelling
  ///   string, list  as written
  /// An empty value counts as not given, except for a string or a list without `allowed` and for a boolean,
  /// where it is false.
  Pairs plugin;
  std::vector<std::string> warnings;
};

/// Checks a component's metadata against what the type declares. The error lists every fault: component,
/// field, what was expected, what was found (never the value of a sensitive field). Of items of one name the
/// last counts, as in Dapr (the first for `route`); names that differ by case only are a fault, as in Dapr.
/// An alias counts if the field itself is absent.
Result<CheckedMetadata> check_metadata(const Component& component, const BindingType& type);

/// What a value of `initPolicy` means: for a component whose metadata is wrong, which has a policy too. Nothing: no such word.
std::optional<InitPolicy> init_policy_of(std::string_view word);

/// Whether a manifest may declare a field of this name: not if it is one of the host's alone.
bool is_host_field(std::string_view name);

}  // namespace cleat
