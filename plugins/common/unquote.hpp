#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleat::common {

/// The text inside a JSON string, which is what a JSON string in an HTTP call's `data` arrives as. Nothing if
/// `data` is anything else: then the bytes themselves are meant.
std::optional<std::string> unquoted(std::string_view data);

/// As Go's strconv.Unquote, which Dapr's file and mail bindings apply: text in double quotes with Go's escapes,
/// in back-quotes as it stands, or one character in single quotes. Nothing for what that refuses. For
/// --strict-dapr.
std::optional<std::string> go_unquoted(std::string_view data);

}  // namespace cleat::common
