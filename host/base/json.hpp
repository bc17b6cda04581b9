#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cleat::json {

enum class Kind { null, boolean, number, string, array, object };

/// For error texts: "null", "a boolean", "an array".
[[nodiscard]] std::string_view name_of(Kind kind);

/// A piece of a checked JSON text, in the source's own characters.
struct Slice {
  Kind kind = Kind::null;
  std::string_view raw;
};

struct Member {
  std::string key;  ///< unescaped
  Slice value;
};

class Walk;

/// Reads request bodies: every value is checked in full, but slices keep the source's own characters, so
/// numbers keep their digits and objects their order. One reader per thread. Slices point into the given text
/// and live as long as it does. Errors are "EOF" for a text without a value, "unexpected EOF" for one that
/// breaks off, else a sentence with the byte, counted from 1. Values nested deeper than 1000 levels are
/// refused.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// What follows the first value in a text: an error, or, as for Go's json.Decoder, none of our business.
  enum class Trailing { error, ignore };

  /// The members of the object that `text` is, in order, doubled names included. `null` gives no members. An
  /// empty text fails with "EOF", another kind of value with a sentence that names it.
  Result<std::vector<Member>> read_object(std::string_view text, Trailing trailing = Trailing::error);
  /// The same for a slice of a text that was already checked.
  Result<std::vector<Member>> members(Slice object);
  Result<std::vector<Slice>> elements(Slice array);
  /// The one value that a text is, whatever its kind.
  Result<Slice> read_value(std::string_view text);
  /// For a text of a known shape, in one pass: `visit` reads the text's one value and returns false once the walk did. An
  /// error may come after it has seen a part. See base/json_walk.hpp.
  Result<> walk(std::string_view text, const std::function<bool(Walk&)>& visit);
  /// The text of a string slice, unescaped.
  Result<std::string> text_of(Slice string);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Appends the checked JSON text without the white space between its tokens.
void append_minified(std::string& out, std::string_view checked);
/// Appends a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);
[[nodiscard]] std::string quoted(std::string_view text);

/// A whole document as a tree: for manifests and other small files.
struct Value {
  struct Member;

  Kind kind = Kind::null;
  std::string text;  ///< string: unescaped; number, boolean: as written
  std::vector<Value> items;
  std::vector<Member> members;

  /// The last member of that name, as most readers of JSON take it, or null.
  [[nodiscard]] const Value* find(std::string_view name) const;
  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
};

struct Value::Member {
  std::string key;
  Value value;
};

/// Checks as Reader does; the error says at which byte.
Result<Value> parse(std::string_view text);

}  // namespace cleat::json
