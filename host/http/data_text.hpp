#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace cleat::http {

/// Appends `"data":...` to the inside of a JSON object. JSON stands there as it is, character by character; what is none
/// (nothing at all is none) is base64 and has `"base64":true` beside it.
void append_data(std::string& out, std::string_view data, json::Reader& reader);

}  // namespace cleat::http
