#include <fmt/format.h>

#include <cctype>
#include <limits>

#include "base/text.hpp"

// Numbers with units: Go's durations and Kubernetes' quantities.

namespace cleat {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr Wide kInt64Max = std::numeric_limits<std::int64_t>::max();

// A decimal number as digits / 10^decimals.
struct Decimal {
  Wide digits = 0;
  Wide divisor = 1;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes "12", "1.5", "1." or ".5" off the front of `rest`. Zeros at the end of a fraction do not count
// towards the bound of about 30 digits.
std::optional<Decimal> take_decimal(std::string_view& rest) {
  std::size_t whole = 0;
  while (whole < rest.size() && is_digit(rest[whole]))
    ++whole;
  std::size_t end = whole;
  if (end < rest.size() && rest[end] == '.') {
    ++end;
    while (end < rest.size() && is_digit(rest[end]))
      ++end;
  }
  if (end == 0 || (whole == 0 && end == 1)) return std::nullopt;
  std::string_view fraction = whole < end ? rest.substr(whole + 1, end - whole - 1) : std::string_view{};
  while (!fraction.empty() && fraction.back() == '0')
    fraction.remove_suffix(1);
  Decimal number;
  const auto append = [&number](char digit) {
    return !__builtin_mul_overflow(number.digits, Wide{10}, &number.digits) &&
           !__builtin_add_overflow(number.digits, static_cast<Wide>(digit - '0'), &number.digits);
  };
  for (const char digit : rest.substr(0, whole)) {
    if (!append(digit)) return std::nullopt;
  }
  for (const char digit : fraction) {
    if (!append(digit) || __builtin_mul_overflow(number.divisor, Wide{10}, &number.divisor))
      return std::nullopt;
  }
  rest.remove_prefix(end);
  return number;
}

bool take_sign(std::string_view& rest) {
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative || (!rest.empty() && rest.front() == '+')) rest.remove_prefix(1);
  return negative;
}

struct Unit {
  std::string_view name;
  Wide factor;
};

constexpr Unit kDurationUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"\xC2\xB5s", 1'000},     {"\xCE\xBCs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000ULL}, {"h", 3'600'000'000'000ULL}};

constexpr Unit kSizeUnits[] = {{"", 1},
                               {"k", 1'000},
                               {"M", 1'000'000},
                               {"G", 1'000'000'000},
                               {"T", 1'000'000'000'000},
                               {"P", 1'000'000'000'000'000},
                               {"E", 1'000'000'000'000'000'000},
                               {"Ki", Wide{1} << 10},
                               {"Mi", Wide{1} << 20},
                               {"Gi", Wide{1} << 30},
                               {"Ti", Wide{1} << 40},
                               {"Pi", Wide{1} << 50},
                               {"Ei", Wide{1} << 60}};
// Parts of a byte: a thousandth, a millionth, ... They round up.
constexpr Unit kPartUnits[] = {{"m", 1'000}, {"u", 1'000'000}, {"n", 1'000'000'000}};

template <std::size_t N>
const Unit* find_unit(const Unit (&units)[N], std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

Error bad_duration(std::string_view text, std::int64_t bare_unit_ns) {
  const bool bare = bare_unit_ns > 0;
  return fail(fmt::format("expected a duration such as 250ms, 1.5s or 1h30m{}, found \"{}\"",
                          bare ? fmt::format(", or a whole number of {}",
                                             format_duration(static_cast<std::uint64_t>(bare_unit_ns)))
                               : std::string(),
                          text));
}

Error bad_quantity(std::string_view text) {
  return fail(fmt::format("expected a size such as 512, 4Mi, 1.5Gi or 100k, found \"{}\"", text));
}

// The exponent of "e3" or "E-2", within the range that can matter.
std::optional<int> parse_exponent(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix.front() != 'e' && suffix.front() != 'E')) return std::nullopt;
  suffix.remove_prefix(1);
  const bool negative = take_sign(suffix);
  if (suffix.empty() || suffix.size() > 3 || !is_digit(suffix.front())) return std::nullopt;
  const auto value = parse_integer(suffix);
  if (!value) return std::nullopt;
  return static_cast<int>(negative ? -*value : *value);
}

// Multiplies or divides by the suffix; false when it is none, or when the number gets too large.
bool apply_suffix(Decimal& number, std::string_view suffix) {
  if (const Unit* unit = find_unit(kSizeUnits, suffix)) {
    return !__builtin_mul_overflow(number.digits, unit->factor, &number.digits);
  }
  if (const Unit* part = find_unit(kPartUnits, suffix)) {
    return !__builtin_mul_overflow(number.divisor, part->factor, &number.divisor);
  }
  const auto exponent = parse_exponent(suffix);
  if (!exponent) return false;
  for (int i = 0; i < *exponent && number.digits != 0; ++i) {
    if (__builtin_mul_overflow(number.digits, Wide{10}, &number.digits)) return false;
  }
  for (int i = 0; i > *exponent && number.digits != 0; --i) {
    if (__builtin_mul_overflow(number.divisor, Wide{10}, &number.divisor)) return false;
  }
  return true;
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text, std::int64_t bare_unit_ns) {
  const Error bad = bad_duration(text, bare_unit_ns);
  std::string_view rest = text = trim(text);
  const bool negative = take_sign(rest);
  if (rest == "0") return 0;
  if (rest.empty()) return bad;
  Wide total = 0;
  if (rest.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto count = parse_integer(rest);
    if (!count || bare_unit_ns <= 0) return bad;
    total = static_cast<Wide>(*count) * static_cast<Wide>(bare_unit_ns);
    rest = {};
  }
  while (!rest.empty()) {
    const auto number = take_decimal(rest);
    if (!number) return bad;
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789."));
    const Unit* unit = find_unit(kDurationUnits, name);
    Wide part = 0;
    if (unit == nullptr || __builtin_mul_overflow(number->digits, unit->factor, &part)) return bad;
    total += part / number->divisor;
    if (total > kInt64Max) return bad;
    rest.remove_prefix(name.size());
  }
  if (total > kInt64Max) return bad;
  const auto ns = static_cast<std::int64_t>(total);
  return negative ? -ns : ns;
}

Result<std::int64_t> parse_quantity(std::string_view text) {
  std::string_view rest = text = trim(text);
  const bool negative = take_sign(rest);
  auto number = take_decimal(rest);
  if (!number || !apply_suffix(*number, rest)) return bad_quantity(text);
  const Wide quotient = number->digits / number->divisor;
  const bool has_rest = number->digits % number->divisor != 0;
  // Away from zero, as Kubernetes rounds.
  const Wide bytes = quotient + (has_rest ? 1 : 0);
  if (bytes > kInt64Max) return bad_quantity(text);
  const auto value = static_cast<std::int64_t>(bytes);
  return negative ? -value : value;
}

}  // namespace cleat
