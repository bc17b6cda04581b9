#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cleat::json {

/// The characters of JSON strings: what the reader and the writer both need.

/// How many bytes the UTF-8 character at `at` takes, or 0 when no valid one starts there. `at` must lie in
/// the text.
[[nodiscard]] std::size_t utf8_length(std::string_view text, std::size_t at);
/// The first byte that begins no valid UTF-8 character, or npos.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);
/// The first byte of an escape sequence that the JSON grammar does not know, or npos.
[[nodiscard]] std::size_t find_bad_escape(std::string_view between_quotes);
/// Resolves the escapes of a text without bad ones. A surrogate without its other half becomes U+FFFD, as in
/// Go.
[[nodiscard]] std::string unescape(std::string_view between_quotes);
/// The character at `at` for an error text: itself in quotes, or its code.
[[nodiscard]] std::string show_character(std::string_view text, std::size_t at);

}  // namespace cleat::json
