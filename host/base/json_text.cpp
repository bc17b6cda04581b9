#include "base/json_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "base/json.hpp"

namespace cleat::json {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four digits after "\u"; the caller has checked them.
std::uint32_t hex4(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits.substr(0, 4))
    value = value * 16 + static_cast<std::uint32_t>(hex_digit(c));
  return value;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto push = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    push(point);
  } else if (point < 0x800) {
    push(0xC0 | (point >> 6));
    push(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    push(0xE0 | (point >> 12));
    push(0x80 | ((point >> 6) & 0x3F));
    push(0x80 | (point & 0x3F));
  } else {
    push(0xF0 | (point >> 18));
    push(0x80 | ((point >> 12) & 0x3F));
    push(0x80 | ((point >> 6) & 0x3F));
    push(0x80 | (point & 0x3F));
  }
}

// Appends the character of the "\uXXXX" that `rest` begins with; returns how many bytes of it were used.
std::size_t append_escaped_point(std::string& out, std::string_view rest) {
  const std::uint32_t unit = hex4(rest.substr(2));
  if (unit < 0xD800 || unit > 0xDFFF) {
    append_utf8(out, unit);
    return 6;
  }
  if (unit < 0xDC00 && rest.substr(6, 2) == "\\u") {
    const std::uint32_t low = hex4(rest.substr(8));
    if (low >= 0xDC00 && low <= 0xDFFF) {
      append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
      return 12;
    }
  }
  out.append(kReplacement);
  return 6;
}

char simple_escape(char name) {
  switch (name) {
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
    default:
      return name;
  }
}

bool needs_no_escape(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

// The same of eight bytes at a time: a byte's top bit is set in `bad` where it needs an escape, and perhaps above such a byte.
bool need_no_escape(const char* eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kTopBits = 0x80 * kOnes;
  std::uint64_t word = 0;
  std::memcpy(&word, eight, sizeof word);
  const std::uint64_t quote = word ^ ('"' * kOnes), backslash = word ^ ('\\' * kOnes);
  const std::uint64_t bad = ((word - 0x20 * kOnes) | (quote - kOnes) | (backslash - kOnes) | word) & kTopBits;
  return bad == 0;
}

// How many bytes from `at` on need no escape.
std::size_t plain_length(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (text.size() - end >= sizeof(std::uint64_t) && need_no_escape(text.data() + end))
    end += sizeof(std::uint64_t);
  while (end < text.size() && needs_no_escape(static_cast<unsigned char>(text[end])))
    ++end;
  return end - at;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      break;
    case '\\':
      out.append("\\\\");
      break;
    case '\b':
      out.append("\\b");
      break;
    case '\f':
      out.append("\\f");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (left < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[at + i])) return 0;
  }
  // Too long a form, a surrogate, or beyond U+10FFFF.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::size_t find_bad_escape(std::string_view text) {
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
    const char name = at + 1 < text.size() ? text[at + 1] : '\0';
    if (name == 'u') {
      if (text.size() - at < 6) return at;
      for (std::size_t i = 2; i < 6; ++i) {
        if (hex_digit(text[at + i]) < 0) return at;
      }
      at += 6;
    } else if (name != '\0' && std::string_view("\"\\/bfnrt").find(name) != std::string_view::npos) {
      at += 2;
    } else {
      return at;
    }
  }
  return std::string_view::npos;
}

std::string unescape(std::string_view text) {
  std::string out;
  std::size_t from = 0;
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', from)) {
    out.append(text, from, at - from);
    if (text[at + 1] == 'u') {
      from = at + append_escaped_point(out, text.substr(at));
    } else {
      out.push_back(simple_escape(text[at + 1]));
      from = at + 2;
    }
  }
  return out.append(text, from);
}

std::string show_character(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t length = utf8_length(text, at);
  if (byte < 0x20 || byte == 0x7F || length == 0) return fmt::format("0x{:02x}", byte);
  return fmt::format("'{}'", text.substr(at, length));
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t plain = plain_length(text, at);
    out.append(text, at, plain);
    at += plain;
    if (at == text.size()) break;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      append_escaped(out, text[at++]);
    } else if (const std::size_t length = utf8_length(text, at); length != 0) {
      out.append(text, at, length);
      at += length;
    } else {
      out.append(kReplacement);
      ++at;
    }
  }
  out.push_back('"');
}

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

}  // namespace cleat::json
