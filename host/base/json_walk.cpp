#include "base/json_walk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_text.hpp"

namespace cleat::json {
namespace {

constexpr unsigned kMaxDepth = 1000;
constexpr std::size_t kNone = std::string_view::npos;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Where the text stops being a JSON number, which is its size if it is one whole number; `complete` says
// whether it might end there.
std::size_t scan_number(std::string_view text, bool& complete) {
  std::size_t at = 0;
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  const auto digits = [&] {
    const std::size_t from = at;
    while (is_digit(peek()))
      ++at;
    return at > from;
  };
  complete = false;
  if (peek() == '-') ++at;
  if (peek() == '0') {
    ++at;
  } else if (!digits()) {
    return at;
  }
  if (peek() == '.') {
    ++at;
    if (!digits()) return at;
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at;
    if (peek() == '+' || peek() == '-') ++at;
    if (!digits()) return at;
  }
  complete = true;
  return at;
}

}  // namespace

Error invalid_character(std::string_view text, std::size_t at, std::string_view expected) {
  if (at >= text.size()) return fail("unexpected EOF");
  return fail(fmt::format("invalid character {} at byte {}, expected {}", show_character(text, at), at + 1,
                          expected));
}

bool Walk::value(Slice& out, unsigned depth) {
  const std::size_t from = offset();
  switch (current()) {
    case '{':
      out.kind = Kind::object;
      if (!object(depth, [&](std::string_view) { return value(scratch_, depth + 1); })) return false;
      break;
    case '[':
      out.kind = Kind::array;
      if (!array(depth, [&] { return value(scratch_, depth + 1); })) return false;
      break;
    default:
      return scalar(out);
  }
  out = {out.kind, text_.substr(from, end_ - from)};
  return true;
}

bool Walk::tree(Value& out, unsigned depth) {
  if (current() == '{') {
    out.kind = Kind::object;
    return object(depth, [&](std::string_view key) {
      out.members.push_back({unescape(key), {}});
      return tree(out.members.back().value, depth + 1);
    });
  }
  if (current() == '[') {
    out.kind = Kind::array;
    return array(depth, [&] { return tree(out.items.emplace_back(), depth + 1); });
  }
  Slice slice;
  if (!scalar(slice)) return false;
  out.kind = slice.kind;
  const bool is_string = slice.kind == Kind::string;
  if (slice.kind != Kind::null) {
    out.text = is_string ? unescape(slice.raw.substr(1, slice.raw.size() - 2)) : std::string(slice.raw);
  }
  return true;
}

bool Walk::reject(std::size_t at, std::string_view expected) {
  error_ = invalid_character(text_, at, expected);
  return false;
}

bool Walk::enter(unsigned depth) {
  if (depth >= kMaxDepth) {
    error_ =
        fail(fmt::format("the value at byte {} is nested deeper than {} levels", offset() + 1, kMaxDepth));
    return false;
  }
  ++at_;
  return true;
}

bool Walk::leave() {
  end_ = offset() + 1;
  ++at_;
  return true;
}

// Everything from this token to the next one, without the white space between them.
std::string_view Walk::token() const {
  std::size_t end = at_ + 1 < tokens_.size() ? tokens_[at_ + 1] : text_.size();
  while (is_space(text_[end - 1]))
    --end;
  return text_.substr(offset(), end - offset());
}

bool Walk::scalar(Slice& out) {
  if (at_ == tokens_.size()) return reject(text_.size(), "a value");
  out.raw = token();
  switch (out.raw.front()) {
    case '"':
      return string(out);
    case 't':
      return literal(out, Kind::boolean, "true");
    case 'f':
      return literal(out, Kind::boolean, "false");
    case 'n':
      return literal(out, Kind::null, "null");
    default:
      return number(out);
  }
}

bool Walk::string(Slice& out) {
  out.kind = Kind::string;
  const std::size_t bad = find_bad_escape(out.raw.substr(1, out.raw.size() - 2));
  if (bad != kNone)
    return reject(offset() + 1 + bad, R"(an escape such as \" \\ \/ \b \f \n \r \t or \u0000)");
  ++at_;
  return true;
}

bool Walk::literal(Slice& out, Kind kind, std::string_view word) {
  out.kind = kind;
  const auto differ = std::mismatch(out.raw.begin(), out.raw.end(), word.begin(), word.end());
  const auto good = static_cast<std::size_t>(differ.first - out.raw.begin());
  if (good != out.raw.size() || good != word.size()) {
    return reject(offset() + good, fmt::format("{}{}", good == word.size() ? "the end of " : "", word));
  }
  ++at_;
  return true;
}

bool Walk::number(Slice& out) {
  out.kind = Kind::number;
  if (out.raw.front() != '-' && !is_digit(out.raw.front())) return reject(offset(), "a value");
  bool complete = false;
  const std::size_t good = scan_number(out.raw, complete);
  if (good != out.raw.size() || !complete)
    return reject(offset() + good, complete ? "the end of the number" : "a digit");
  ++at_;
  return true;
}

bool Walk::end() {
  return at_ == tokens_.size() || reject(offset(), "nothing after the value");
}

}  // namespace cleat::json
