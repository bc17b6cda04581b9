#include "common/json_array.hpp"

#include <stdexcept>

#include "common/unquote.hpp"

namespace cleat::common {
namespace {

constexpr int kDeepest = 64;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<JsonElement> array() {
    std::vector<JsonElement> out;
    skip_blanks();
    expect('[');
    skip_blanks();
    if (!take(']')) {
      do {
        skip_blanks();
        out.push_back(element());
        skip_blanks();
      } while (take(','));
      expect(']');
    }
    skip_blanks();
    if (at_ != text_.size()) fail("the end");
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    const std::string found = at_ < text_.size() ? "'" + std::string(text_.substr(at_, 1)) + "'" : "the end";
    throw std::invalid_argument("expected " + expected + " at character " + std::to_string(at_ + 1) +
                                ", found " + found);
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("'") + c + "'");
  }
  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  JsonElement element() {
    const std::size_t begin = at_;
    JsonElement out{kind(), {}};
    skip(out.kind, 1);
    const std::string_view raw = text_.substr(begin, at_ - begin);
    if (out.kind != JsonElement::Kind::text) {
      out.value = raw;
    } else if (auto text = unquoted(raw)) {
      out.value = *std::move(text);
    } else {
      at_ = begin;
      fail("a string with JSON's escapes");
    }
    return out;
  }

  JsonElement::Kind kind() const {
    switch (peek()) {
      case '{':
        return JsonElement::Kind::object;
      case '[':
        return JsonElement::Kind::array;
      case '"':
        return JsonElement::Kind::text;
      case 't':
      case 'f':
        return JsonElement::Kind::boolean;
      case 'n':
        return JsonElement::Kind::null;
      default:
        return JsonElement::Kind::number;
    }
  }

  void skip(JsonElement::Kind kind, int depth) {
    if (depth > kDeepest) fail("at most 64 levels");
    switch (kind) {
      case JsonElement::Kind::object:
        skip_members('{', '}', depth);
        break;
      case JsonElement::Kind::array:
        skip_members('[', ']', depth);
        break;
      case JsonElement::Kind::text:
        skip_text();
        break;
      case JsonElement::Kind::boolean:
        skip_word(peek() == 't' ? "true" : "false");
        break;
      case JsonElement::Kind::null:
        skip_word("null");
        break;
      case JsonElement::Kind::number:
        skip_number();
        break;
    }
  }

  void skip_members(char open, char close, int depth) {
    expect(open);
    skip_blanks();
    if (take(close)) return;
    do {
      skip_blanks();
      if (open == '{') {
        skip_text();
        skip_blanks();
        expect(':');
        skip_blanks();
      }
      skip(kind(), depth + 1);
      skip_blanks();
    } while (take(','));
    expect(close);
  }

  void skip_text() {
    expect('"');
    while (!take('"')) {
      if (at_ == text_.size() || static_cast<unsigned char>(text_[at_]) < 0x20U) fail("the end of a string");
      if (text_[at_] == '\\') ++at_;
      if (at_ == text_.size()) fail("the end of a string");
      ++at_;
    }
  }

  void skip_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) fail("'" + std::string(word) + "'");
    at_ += word.size();
  }

  void skip_digits() {
    if (peek() < '0' || peek() > '9') fail("a digit");
    while (peek() >= '0' && peek() <= '9')
      ++at_;
  }

  void skip_number() {
    const std::size_t begin = at_;
    take('-');
    if (peek() < '0' || peek() > '9') {
      at_ = begin;
      fail("a value");
    }
    if (!take('0')) skip_digits();
    if (take('.')) skip_digits();
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      skip_digits();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<JsonElement> parse_json_array(std::string_view text) {
  return Reader(text).array();
}

}  // namespace cleat::common
