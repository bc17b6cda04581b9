#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugin/manifest.hpp"

namespace cleat {

/// A value as the plugin gets it (CheckedMetadata says how each type looks); nothing if it is no value of the
/// field.
std::optional<std::string> normalise(const Field& field, std::string_view value);

/// What normalise takes, for messages: "a whole number", "one of a, b".
std::string expected_value(const Field& field);

/// Yes, no, or neither: y yes true t on 1 as Dapr has it, and n no false f off 0 or nothing. Dapr takes any
/// other word for false; here it is a fault, because it is a slip.
std::optional<bool> boolean_of(std::string_view text);

}  // namespace cleat
