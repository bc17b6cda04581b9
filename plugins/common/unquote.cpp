#include "common/unquote.hpp"

#include <cstdint>

namespace cleat::common {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

void append_utf8(std::string& out, std::uint32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = kReplacement;
  const auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  const auto tail = [&](std::uint32_t shift) { byte(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | code >> 6U);
    tail(0);
  } else if (code < 0x10000) {
    byte(0xE0U | code >> 12U);
    tail(6);
    tail(0);
  } else {
    byte(0xF0U | code >> 18U);
    tail(12);
    tail(6);
    tail(0);
  }
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Reads `count` digits of `base` off the front.
std::optional<std::uint32_t> take_number(std::string_view& text, std::size_t count, int base) {
  if (text.size() < count) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int one = digit(text[i]);
    if (one < 0 || one >= base) return std::nullopt;
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(one);
  }
  text.remove_prefix(count);
  return value;
}

/// The escapes with one letter that JSON and Go share; 0 for another letter.
char shared_escape(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

/// What follows "\u", with the second half of a surrogate pair if there is one.
bool append_json_code(std::string& out, std::string_view& text) {
  auto code = take_number(text, 4, 16);
  if (!code) return false;
  if (*code >= 0xD800 && *code < 0xDC00 && text.substr(0, 2) == "\\u") {
    std::string_view rest = text.substr(2);
    const auto low = take_number(rest, 4, 16);
    if (low && *low >= 0xDC00 && *low < 0xE000) {
      text = rest;
      code = 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00);
    }
  }
  append_utf8(out, *code);
  return true;
}

bool append_json_escape(std::string& out, std::string_view& text) {
  if (text.empty()) return false;
  const char letter = text[0];
  text.remove_prefix(1);
  if (letter == 'u') return append_json_code(out, text);
  const char plain = letter == '"' || letter == '/' ? letter : shared_escape(letter);
  if (plain == 0) return false;
  out.push_back(plain);
  return true;
}

bool append_go_escape(std::string& out, std::string_view& text, char quote) {
  if (text.empty()) return false;
  const char letter = text[0];
  if (letter >= '0' && letter <= '7') {
    const auto value = take_number(text, 3, 8);
    if (!value || *value > 0xFF) return false;
    out.push_back(static_cast<char>(*value));
    return true;
  }
  text.remove_prefix(1);
  if (letter == 'x' || letter == 'u' || letter == 'U') {
    const auto value = take_number(text, letter == 'x' ? 2 : letter == 'u' ? 4 : 8, 16);
    if (!value) return false;
    if (letter == 'x') {
      out.push_back(static_cast<char>(*value));
      return true;
    }
    if (*value > 0x10FFFF || (*value >= 0xD800 && *value < 0xE000)) return false;
    append_utf8(out, *value);
    return true;
  }
  const char plain = letter == quote ? quote
                     : letter == 'a' ? '\a'
                     : letter == 'v' ? '\v'
                                     : shared_escape(letter);
  if (plain == 0) return false;
  out.push_back(plain);
  return true;
}

/// Number of characters, each sequence of UTF-8 one.
std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text)
    count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

}  // namespace

std::optional<std::string> unquoted(std::string_view data) {
  if (data.size() < 2 || data.front() != '"' || data.back() != '"') return std::nullopt;
  data = data.substr(1, data.size() - 2);
  std::string out;
  out.reserve(data.size());
  while (!data.empty()) {
    const char c = data[0];
    data.remove_prefix(1);
    if (c == '"' || static_cast<unsigned char>(c) < 0x20U) return std::nullopt;
    if (c != '\\') {
      out.push_back(c);
    } else if (!append_json_escape(out, data)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::string> go_unquoted(std::string_view data) {
  if (data.size() < 2 || data.front() != data.back()) return std::nullopt;
  const char quote = data.front();
  data = data.substr(1, data.size() - 2);
  std::string out;
  out.reserve(data.size());
  if (quote == '`') {
    if (data.find('`') != std::string_view::npos) return std::nullopt;
    for (const char c : data) {
      if (c != '\r') out.push_back(c);  // as in Go's raw strings
    }
    return out;
  }
  if (quote != '"' && quote != '\'') return std::nullopt;
  std::size_t escapes = 0, plain = 0;
  while (!data.empty()) {
    const char c = data[0];
    data.remove_prefix(1);
    if (c == quote || c == '\n') return std::nullopt;
    if (c != '\\') {
      out.push_back(c);
      plain += characters({&c, 1});
    } else if (++escapes; !append_go_escape(out, data, quote)) {
      return std::nullopt;
    }
  }
  if (quote == '\'' && escapes + plain != 1) return std::nullopt;
  return out;
}

}  // namespace cleat::common
