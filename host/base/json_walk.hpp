#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace cleat::json {

/// "invalid character 'x' at byte N, expected ...", or "unexpected EOF" when `at` is the end of the text.
[[nodiscard]] Error invalid_character(std::string_view text, std::size_t at, std::string_view expected);
[[nodiscard]] inline bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// Checks the grammar of one text over its tokens, first to last: a token begins at every bracket, colon,
/// comma, opening quote and first character of anything else. Quotes are paired and the UTF-8 is good before
/// a walk begins. The functions return false after they have set the error.
class Walk {
 public:
  Walk(std::string_view text, std::span<const std::uint32_t> tokens) : text_(text), tokens_(tokens) {}

  /// The first character of the token that comes next, or a zero byte at the end.
  [[nodiscard]] char current() const { return at_ < tokens_.size() ? text_[tokens_[at_]] : '\0'; }

  bool value(Slice& out, unsigned depth = 0);
  bool tree(Value& out, unsigned depth = 0);
  /// `on_member` is given the key with its escapes, without its quotes, and reads the value.
  template <class OnMember>
  bool object(unsigned depth, OnMember on_member);
  /// `on_element` reads one element.
  template <class OnElement>
  bool array(unsigned depth, OnElement on_element);
  /// True when nothing follows.
  bool end();

  [[nodiscard]] Error& error() { return error_; }

 private:
  [[nodiscard]] std::size_t offset() const { return at_ < tokens_.size() ? tokens_[at_] : text_.size(); }
  [[nodiscard]] std::string_view token() const;
  bool enter(unsigned depth);
  bool leave();
  bool scalar(Slice& out);
  bool string(Slice& out);
  bool literal(Slice& out, Kind kind, std::string_view word);
  bool number(Slice& out);
  bool reject(std::size_t at, std::string_view expected);

  std::string_view text_;
  std::span<const std::uint32_t> tokens_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;  ///< behind the container that was left last
  Slice scratch_;
  Error error_;
};

template <class OnMember>
bool Walk::object(unsigned depth, OnMember on_member) {
  if (!enter(depth)) return false;
  if (current() == '}') return leave();
  for (;;) {
    if (current() != '"') return reject(offset(), "a member's name in double quotes");
    Slice key;
    if (!scalar(key)) return false;
    if (current() != ':') return reject(offset(), "':' after the member's name");
    ++at_;
    if (!on_member(key.raw.substr(1, key.raw.size() - 2))) return false;
    if (current() == '}') return leave();
    if (current() != ',') return reject(offset(), "',' or '}' after the member's value");
    ++at_;
  }
}

template <class OnElement>
bool Walk::array(unsigned depth, OnElement on_element) {
  if (!enter(depth)) return false;
  if (current() == ']') return leave();
  for (;;) {
    if (!on_element()) return false;
    if (current() == ']') return leave();
    if (current() != ',') return reject(offset(), "',' or ']' after the array's element");
    ++at_;
  }
}

}  // namespace cleat::json
