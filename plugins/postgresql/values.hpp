#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cleat/values.hpp>

#include "common/json_value.hpp"

namespace cleat::postgresql {

/// Appends a value that the server sent as text, as JSON: numbers with all their digits, true and false, JSON as it
/// is, bytea in base64, times in RFC 3339, arrays as arrays, everything else as a string.
void append_value(std::string& out, std::uint32_t type, std::string_view text);

/// What a bytea stands for that the server sent as text: \\x00ff.
std::string bytes_of_hex(std::string_view text);

/// A parameter as PostgreSQL reads it where `type` is wanted, 0 if that is not known: a text is itself, a number has all its
/// digits, an array is an array for the array types that append_value() knows, everything else is its JSON. Nothing is NULL.
std::optional<std::string> parameter_text(const common::JsonValue& value, std::uint32_t type);

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

/// Whether a statement of the text is CALL or DO, whose code may commit what it has done so far. Rather once too often.
bool may_commit_inside(std::string_view sql);

}  // namespace cleat::postgresql
