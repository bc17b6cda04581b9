#include "common/json_value.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "common/text.hpp"
#include "common/unquote.hpp"

namespace cleat::common {
namespace {

/// Where the first byte is that is no UTF-8; the size if there is none.
std::size_t end_of_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned char first = byte(at);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0 || at + length > text.size()) return at;
    for (std::size_t tail = 1; tail < length; ++tail) {
      if ((byte(at + tail) & 0xC0U) != 0x80U) return at;
    }
    // Overlong forms, halves of surrogate pairs, and what is beyond the last character.
    const unsigned char second = length > 2 ? byte(at + 1) : 0;
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
      return at;
    at += length;
  }
  return text.size();
}

class Reader {
 public:
  Reader(std::string_view text, JsonBounds bounds) : text_(text), bounds_(bounds) {}

  JsonValue document() {
    if (at_ = end_of_utf8(text_); at_ != text_.size()) fail("UTF-8");
    at_ = 0;
    skip_blanks();
    JsonValue out = value(0);
    skip_blanks();
    if (at_ != text_.size()) fail("the end");
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    std::string found = "the end";
    if (at_ < text_.size()) {
      const auto byte = static_cast<unsigned char>(text_[at_]);
      std::array<char, 8> shown{};
      std::snprintf(shown.data(), shown.size(), byte >= 0x20 && byte < 0x7F ? "'%c'" : "0x%02X", byte);
      found = shown.data();
    }
    throw std::invalid_argument("expected " + expected + " at byte " + std::to_string(at_ + 1) + ", found " +
                                found);
  }
  [[nodiscard]] bool is_next(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] bool is_digit_next() const {
    return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
  }
  bool take(char c) {
    if (!is_next(c)) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("'") + c + "'");
  }
  void skip_blanks() {
    while (is_next(' ') || is_next('\t') || is_next('\n') || is_next('\r'))
      ++at_;
  }

  JsonValue value(std::size_t depth) {
    if (++values_ > bounds_.values) fail("no more than " + std::to_string(bounds_.values) + " values");
    const std::size_t begin = at_;
    JsonValue out;
    if (is_next('{') || is_next('[')) {
      if (depth == bounds_.depth) fail("no more than " + std::to_string(bounds_.depth) + " levels");
      is_next('{') ? object(out, depth + 1) : array(out, depth + 1);
    } else if (is_next('"')) {
      out.kind = JsonValue::Kind::text;
      out.text = string();
    } else if (is_next('t') || is_next('f')) {
      out.kind = JsonValue::Kind::boolean;
      word(is_next('t') ? "true" : "false");
    } else if (is_next('n')) {
      word("null");
    } else {
      out.kind = JsonValue::Kind::number;
      number();
    }
    out.raw = text_.substr(begin, at_ - begin);
    return out;
  }

  void array(JsonValue& out, std::size_t depth) {
    out.kind = JsonValue::Kind::array;
    expect('[');
    skip_blanks();
    if (take(']')) return;
    do {
      skip_blanks();
      out.items.push_back(value(depth));
      skip_blanks();
    } while (take(','));
    if (!take(']')) fail("',' or ']'");
  }

  void object(JsonValue& out, std::size_t depth) {
    out.kind = JsonValue::Kind::object;
    expect('{');
    skip_blanks();
    if (take('}')) return;
    do {
      skip_blanks();
      std::string name = string();
      skip_blanks();
      expect(':');
      skip_blanks();
      out.members.push_back({std::move(name), value(depth)});
      skip_blanks();
    } while (take(','));
    if (!take('}')) fail("',' or '}'");
  }

  std::string string() {
    const std::size_t begin = at_;
    if (!take('"')) fail("a string");
    while (!take('"')) {
      if (at_ == text_.size() || static_cast<unsigned char>(text_[at_]) < 0x20U) fail("the end of a string");
      if (take('\\') && at_ == text_.size()) fail("the end of a string");
      ++at_;
    }
    auto out = unquoted(text_.substr(begin, at_ - begin));
    if (!out) {
      at_ = begin;
      fail("a string with JSON's escapes");
    }
    return *std::move(out);
  }

  void word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) fail("'" + std::string(word) + "'");
    at_ += word.size();
  }

  void digits() {
    if (!is_digit_next()) fail("a digit");
    while (is_digit_next())
      ++at_;
  }

  void number() {
    const std::size_t begin = at_;
    take('-');
    if (!is_digit_next()) {
      at_ = begin;
      fail("a value");
    }
    if (!take('0')) digits();
    if (take('.')) digits();
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      digits();
    }
  }

  std::string_view text_;
  JsonBounds bounds_;
  std::size_t at_ = 0, values_ = 0;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  const auto found = std::find_if(members.rbegin(), members.rend(),
                                  [&](const Member& member) { return member.name == name; });
  return found == members.rend() ? nullptr : &found->value;
}

const JsonValue* JsonValue::find_in_any_case(std::string_view name) const {
  const auto found = std::find_if(members.rbegin(), members.rend(), [&](const Member& member) {
    return member.value.kind != Kind::null && equal_ignoring_case(member.name, name);
  });
  return found == members.rend() ? nullptr : &found->value;
}

JsonValue parse_json(std::string_view text, JsonBounds bounds) {
  return Reader(text, bounds).document();
}

}  // namespace cleat::common
