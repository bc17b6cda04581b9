#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleat::http {

/// The path of a request target, still escaped, as daprd cleans it: scheme and host of an absolute target and
/// the query cut off, doubled slashes collapsed, dot segments resolved, no slash at the end (but for "/").
/// Empty: not a path ("*").
[[nodiscard]] std::string clean_path(std::string_view target);

/// What stands behind the '?' of a target.
[[nodiscard]] std::string_view query_of(std::string_view target);

/// The value of the first such key in a query string, as it stands there. Nothing: there is no such key.
[[nodiscard]] std::optional<std::string_view> query_find(std::string_view query, std::string_view key);

/// The same, unescaped. Empty: absent or badly escaped.
[[nodiscard]] std::string query_value(std::string_view query, std::string_view key);

/// '+' is a space, %XX a byte. Nothing: a bad escape.
[[nodiscard]] std::optional<std::string> query_unescape(std::string_view text);

/// %XX is a byte, '+' stands for itself. Nothing: a bad escape.
[[nodiscard]] std::optional<std::string> path_unescape(std::string_view text);

/// The target of a request to the application, from a component's route: a slash in front if missing, path
/// cleaned, the query kept; what cannot stand in a request line is percent-encoded.
[[nodiscard]] std::string route_target(std::string_view route);

}  // namespace cleat::http
