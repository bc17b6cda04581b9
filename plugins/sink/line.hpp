#pragma once

#include <cleat/values.hpp>

#include <string>
#include <string_view>

namespace cleat::sink {

/// `data` without line breaks. Of an object or an array (told by its first byte) every blank outside of
/// strings is left out; other data stays as it is. Control characters are written as \u00XX.
std::string compact(std::string_view data);

/// {"a":"1","b":"2"}, sorted by key; what has the same key stays in its order.
std::string to_json(const cleat_map& metadata);

}  // namespace cleat::sink
