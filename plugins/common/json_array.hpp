#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleat::common {

/// An element of a JSON array.
struct JsonElement {
  enum class Kind { null, boolean, number, text, object, array };
  Kind kind = Kind::null;
  /// Of a text what it stands for; of everything else its JSON as it was written, a number with all its digits.
  std::string value;
};

/// Reads a JSON array, strictly (RFC 8259), nested 64 deep at most. Throws std::invalid_argument that says what was
/// expected where.
std::vector<JsonElement> parse_json_array(std::string_view text);

}  // namespace cleat::common
