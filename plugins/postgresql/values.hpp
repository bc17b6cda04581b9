#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <cleat/values.hpp>

namespace cleat::postgresql {

/// Appends a value that the server sent as text, as JSON: numbers with all their digits, true and false, JSON as it
/// is, bytea in base64, times in RFC 3339, arrays as arrays, everything else as a string.
void append_value(std::string& out, std::uint32_t type, std::string_view text);

/// RFC 3339 with nanoseconds, in UTC.
std::string time_text(std::chrono::system_clock::time_point when);

/// A duration as Go prints it: 1.5ms, 2m0.5s.
std::string go_duration(std::chrono::nanoseconds duration);

/// What an SQLSTATE means for the caller.
struct SqlMeaning {
  cleat_status status = CLEAT_REMOTE;
  std::uint32_t flags = 0;
};
SqlMeaning meaning_of_state(std::string_view state);

}  // namespace cleat::postgresql
