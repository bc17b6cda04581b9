#pragma once

#include <string_view>

#include "base/result.hpp"

namespace cleat {

/// Checks a W3C `baggage` header: at most 8,192 bytes and 180 members, each `token=value` with optional
/// properties. An empty text is well formed. The error is the detail for people.
[[nodiscard]] Result<> check_baggage(std::string_view text);

}  // namespace cleat
