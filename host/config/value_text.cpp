#include "config/value_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/json.hpp"

namespace cleat {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_null_word(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::optional<bool> boolean_word(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

std::optional<std::string> whole_number(std::string_view digits, int base, bool negative) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return fmt::format("{}{}", negative ? "-" : "", number);
}

/// "0x1F", "0o17" and, as daprd's reader has it, "017": in decimal.
std::optional<std::string> based_number(std::string_view digits, bool negative) {
  if (digits.size() < 2 || digits.front() != '0') return std::nullopt;
  const char mark = digits[1];
  if (mark == 'x' || mark == 'X') return whole_number(digits.substr(2), 16, negative);
  if (mark == 'o' || mark == 'O') return whole_number(digits.substr(2), 8, negative);
  return whole_number(digits.substr(1), 8, negative);
}

/// Splits "12.5e3" into its three parts; nothing if the text is no decimal number.
struct Decimal {
  std::string_view whole, fraction, exponent;
};

std::optional<Decimal> decimal_parts(std::string_view text) {
  Decimal parts;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    parts.exponent = text.substr(e + 1);
    const bool has_sign = parts.exponent.starts_with('+') || parts.exponent.starts_with('-');
    if (!all_digits(parts.exponent.substr(has_sign ? 1 : 0))) return std::nullopt;
    text = text.substr(0, e);
  }
  const auto dot = text.find('.');
  parts.whole = text.substr(0, dot);
  if (dot != std::string_view::npos) parts.fraction = text.substr(dot + 1);
  if (parts.whole.empty() && parts.fraction.empty()) return std::nullopt;
  if (!parts.whole.empty() && !all_digits(parts.whole)) return std::nullopt;
  if (!parts.fraction.empty() && !all_digits(parts.fraction)) return std::nullopt;
  return parts;
}

/// The number as JSON text, or nothing if the plain scalar is none. A leading zero that is no octal number
/// ("0891") makes it text: an account number must not lose its zero.
std::optional<std::string> number_text(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative || text.starts_with('+') ? 1 : 0);
  if (digits.empty()) return std::nullopt;
  if (auto based = based_number(digits, negative)) return based;
  const auto parts = decimal_parts(digits);
  if (!parts || (parts->whole.size() > 1 && parts->whole.front() == '0')) return std::nullopt;
  std::string out = negative ? "-" : "";
  out += parts->whole.empty() ? "0" : parts->whole;
  if (!parts->fraction.empty()) out.append(".").append(parts->fraction);
  if (!parts->exponent.empty()) out.append("e").append(parts->exponent);
  return out;
}

void append_json(std::string& out, const YamlNode& node);

void append_json_scalar(std::string& out, const YamlNode& node) {
  if (!node.plain) return json::append_string(out, node.text);
  if (is_null_word(node.text)) {
    out += "null";
  } else if (const auto boolean = boolean_word(node.text)) {
    out += *boolean ? "true" : "false";
  } else if (const auto number = number_text(node.text)) {
    out += *number;
  } else {
    json::append_string(out, node.text);
  }
}

void append_json(std::string& out, const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      out += "null";
      return;
    case YamlNode::Kind::scalar:
      return append_json_scalar(out, node);
    case YamlNode::Kind::list:
      out += '[';
      for (const YamlNode& item : node.items) {
        if (&item != &node.items.front()) out += ',';
        append_json(out, item);
      }
      out += ']';
      return;
    case YamlNode::Kind::map:
      out += '{';
      for (const YamlNode::Member& member : node.members) {
        if (&member != &node.members.front()) out += ',';
        json::append_string(out, member.key);
        out += ':';
        append_json(out, member.value);
      }
      out += '}';
      return;
  }
}

}  // namespace

ValueText value_text(const YamlNode& value) {
  ValueText result;
  if (value.is(YamlNode::Kind::list) || value.is(YamlNode::Kind::map)) {
    append_json(result.text, value);
    return result;
  }
  if (value.is(YamlNode::Kind::null)) return result;
  result.text = value.text;
  if (!value.plain) return result;
  if (is_null_word(value.text)) {
    result.text.clear();
  } else if (const auto boolean = boolean_word(value.text)) {
    result.text = *boolean ? "true" : "false";
  } else if (auto number = number_text(value.text)) {
    result.text = std::move(*number);
    const std::string_view digits = std::string_view(value.text).substr(value.text.find_first_not_of("+-"));
    if (digits.size() > 1 && digits.front() == '0' && all_digits(digits)) {
      result.remark =
          "begins with a zero and has no quotes: it is read as an octal number; put it in quotes to keep it";
    }
  }
  return result;
}

std::string plain_text(const YamlNode& node) {
  if (!node.is(YamlNode::Kind::scalar) || (node.plain && is_null_word(node.text))) return {};
  return node.text;
}

}  // namespace cleat
