#pragma once

#include <string>
#include <string_view>

namespace cleat::common {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that what comes
/// out is always JSON.
void append_json_string(std::string& out, std::string_view text);

/// The same as a value.
std::string json_string(std::string_view text);

/// Whether it would come out as it is.
bool is_utf8(std::string_view text);

}  // namespace cleat::common
