#pragma once

#include <string>
#include <string_view>

namespace cleat {

/// Appends a JSON string with its quotes, with `<`, `>`, `&`, U+2028 and U+2029 escaped too: as daprd writes
/// every message.
void append_html_safe(std::string& out, std::string_view text);

/// The body of an error answer: {"errorCode":"...","message":"..."}, without a newline, as daprd does.
[[nodiscard]] std::string error_body(std::string_view code, std::string_view message);

}  // namespace cleat
