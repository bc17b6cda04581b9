#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cleat {

using Pairs = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::string to_lower(std::string_view text);
/// ASCII only, as every name we compare is.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
/// Whether every byte is one of 0x20 to 0x7E. Made for the short texts of headers and metadata.
[[nodiscard]] bool is_printable_ascii(std::string_view text);
[[nodiscard]] std::string_view trim(std::string_view text);
/// "a, b,,c" to {"a","b","c"}: trimmed, empty items left out.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char separator = ',');
/// Dapr's truthy words: y yes true t on 1, in any case, trimmed; anything else is false.
[[nodiscard]] bool is_truthy(std::string_view text);
/// Whole text as a decimal number; nothing otherwise.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
/// A Go duration ("1h2m", "1.5s", "200ms", "-3s") or, without a unit, a whole number of `bare_unit_ns` (0:
/// the unit is needed). Nanoseconds. The error says what was expected and found.
[[nodiscard]] Result<std::int64_t> parse_duration(std::string_view text, std::int64_t bare_unit_ns);
/// A Kubernetes quantity of bytes: "4Mi", "4k", "1.5Gi", "512", "1e6". Parts of a byte round away from zero.
[[nodiscard]] Result<std::int64_t> parse_quantity(std::string_view text);
/// Nanoseconds as people write them: "250ms", "1.5s", "2m0s".
[[nodiscard]] std::string format_duration(std::uint64_t ns);
/// Wall clock as RFC 3339 in UTC with milliseconds.
[[nodiscard]] std::string format_wall_ns(std::uint64_t wall_ns);
[[nodiscard]] std::uint64_t wall_now_ns();

}  // namespace cleat
