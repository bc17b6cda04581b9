#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::common {

/// A JSON value that loses nothing of what was written.
struct JsonValue {
  struct Member;
  enum class Kind { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  /// As it was written, a number with all its digits, without blanks around it. A part of the text that was read, which
  /// has to outlive the value.
  std::string_view raw;
  std::string text;              ///< of a text: what it stands for
  std::vector<JsonValue> items;  ///< of an array: its elements
  /// Of an object, in the order and as often as they were written.
  std::vector<Member> members;

  /// The member of this name, the last one if there are several; nullptr if there is none.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
  /// As Go's JSON finds it: the last member of this name in any case (ASCII) that is not null; nullptr if there is none.
  [[nodiscard]] const JsonValue* find_in_any_case(std::string_view name) const;
};

struct JsonValue::Member {
  std::string name;
  JsonValue value;
};

/// What is beyond these is refused: a value takes more memory than the text that it was read from.
struct JsonBounds {
  std::size_t depth = 64;        ///< of arrays and objects in one another
  std::size_t values = 100'000;  ///< all of them together
};

/// Reads one JSON value, strictly as RFC 8259 has it: UTF-8, nothing before or behind it but blanks. Throws
/// std::invalid_argument that says what was expected at which byte, counted from 1, and what was found; of what was read it
/// shows one character.
JsonValue parse_json(std::string_view text, JsonBounds bounds = {});

}  // namespace cleat::common
