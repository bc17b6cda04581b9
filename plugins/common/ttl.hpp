#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cleat::common {

/// The time to live that a request asks for in `ttl` or else `ttlInSeconds`: Go duration text (`1m30s`) or whole
/// seconds. Nothing if both are absent or empty. Throws Error(CLEAT_INVALID) with Dapr's words
/// (components-contrib metadata/utils.go) for anything else; a duration below zero counts as 0, and more than
/// 64 bits hold as the most that they do.
std::optional<std::chrono::nanoseconds> ttl_of(const Request& request);

/// The same for the text of one value.
std::chrono::nanoseconds parse_ttl(std::string_view text);

/// The `priority` that a request asks for, from 0 to 255: what is beyond is taken to the nearer end. Nothing if
/// it is absent or empty; throws Error(CLEAT_INVALID) for what is no integer.
std::optional<std::uint8_t> priority_of(const Request& request);

}  // namespace cleat::common
