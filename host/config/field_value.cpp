#include "config/field_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/text.hpp"

namespace cleat {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// Cuts "0x", "0o", "0b" or a leading zero off and says the base.
int take_base(std::string_view& digits) {
  if (digits.size() < 2 || digits.front() != '0') return 10;
  const char mark = digits[1];
  const int base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
  digits.remove_prefix(base != 8 || mark == 'o' || mark == 'O' ? 2 : 1);
  return base;
}

/// As Go reads integers without a given base: Dapr's components do.
std::optional<std::string> integer_text(std::string_view text) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const int base = take_base(text);
  if (text.starts_with('_') || text.ends_with('_') || text.find("__") != std::string_view::npos)
    return std::nullopt;
  std::string digits(text);
  std::erase(digits, '_');
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number > most + (negative ? 1 : 0)) return std::nullopt;
  return fmt::format("{}{}", negative && number != 0 ? "-" : "", number);
}

std::optional<std::string> number_text(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(text.starts_with("+-") ? 0 : 1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> duration_text(const Field& field, std::string_view text) {
  const auto ns = parse_duration(trim(text), field.bare_unit == "ms" ? kNsPerMs : kNsPerSecond);
  if (!ns) return std::nullopt;
  return fmt::format("{}", *ns);
}

std::optional<std::string> size_text(std::string_view text) {
  const auto bytes = parse_quantity(trim(text));
  if (!bytes || *bytes < 0) return std::nullopt;
  return fmt::format("{}", *bytes);
}

/// The value by its type alone.
std::optional<std::string> typed_value(const Field& field, std::string_view value) {
  switch (field.type) {
    case Field::Type::string:
    case Field::Type::list:
      return std::string(value);
    case Field::Type::integer:
      return integer_text(value);
    case Field::Type::number:
      return number_text(value);
    case Field::Type::boolean: {
      const auto boolean = boolean_of(value);
      if (!boolean) return std::nullopt;
      return *boolean ? "true" : "false";
    }
    case Field::Type::duration:
      return duration_text(field, value);
    case Field::Type::size:
      return size_text(value);
  }
  return std::nullopt;
}

/// The allowed value that is meant: the same text without case, or the same value in another spelling.
const std::string* allowed_value(const Field& field, std::string_view value) {
  const auto found =
      std::find_if(field.allowed.begin(), field.allowed.end(), [&](const std::string& allowed) {
        if (iequals(trim(value), allowed)) return true;
        if (field.type == Field::Type::string || field.type == Field::Type::list) return false;
        const auto meant = typed_value(field, value);
        return meant && meant == typed_value(field, allowed);
      });
  return found == field.allowed.end() ? nullptr : &*found;
}

std::string_view type_words(const Field& field) {
  switch (field.type) {
    case Field::Type::string:
      return "text";
    case Field::Type::list:
      return "a list with commas";
    case Field::Type::integer:
      return "a whole number";
    case Field::Type::number:
      return "a number";
    case Field::Type::boolean:
      return "true or false (also yes, no, on, off, y, n, t, f, 1, 0)";
    case Field::Type::duration:
      return field.bare_unit == "ms" ? "a duration such as 1m30s or 200ms, or a number of milliseconds"
                                     : "a duration such as 1m30s or 200ms, or a number of seconds";
    case Field::Type::size:
      return "a size such as 4Mi, 500k or 1024";
  }
  return "a value";
}

}  // namespace

std::optional<bool> boolean_of(std::string_view text) {
  constexpr std::array<std::string_view, 7> kFalse{"", "n", "no", "false", "f", "off", "0"};
  if (is_truthy(text)) return true;
  const std::string word = to_lower(trim(text));
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return std::nullopt;
}

std::optional<std::string> normalise(const Field& field, std::string_view value) {
  if (field.allowed.empty()) return typed_value(field, value);
  if (field.type == Field::Type::list) {
    const auto items = split_list(value);
    const auto is_allowed = [&](const std::string& item) { return allowed_value(field, item) != nullptr; };
    if (!std::all_of(items.begin(), items.end(), is_allowed)) return std::nullopt;
    return std::string(value);
  }
  const std::string* meant = allowed_value(field, value);
  if (meant == nullptr) return std::nullopt;
  return typed_value(field, *meant);
}

std::string expected_value(const Field& field) {
  if (field.allowed.empty()) return std::string(type_words(field));
  const std::string_view intro = field.type == Field::Type::list ? "a list with commas of" : "one of";
  return fmt::format("{} {}", intro, fmt::join(field.allowed, ", "));
}

}  // namespace cleat
