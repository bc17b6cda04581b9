#include "common/ttl.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace cleat::common {
namespace {

using std::chrono::nanoseconds;

constexpr double kMost = static_cast<double>(std::numeric_limits<std::int64_t>::max());

nanoseconds saturated(double ns) {
  if (ns >= kMost) return nanoseconds::max();
  return nanoseconds(static_cast<std::int64_t>(std::max(ns, 0.0)));
}

/// Nanoseconds of a unit at the front of `text`, and its length; 0 if there is none.
std::pair<double, std::size_t> unit_of(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"ns", 1},
                                                                       {"us", 1e3},
                                                                       {"\xC2\xB5s", 1e3},
                                                                       {"\xCE\xBCs", 1e3},
                                                                       {"ms", 1e6},
                                                                       {"s", 1e9},
                                                                       {"m", 60e9},
                                                                       {"h", 3600e9}}};
  for (const auto& [name, ns] : kUnits) {
    if (text.substr(0, name.size()) == name) return {ns, name.size()};
  }
  return {0, 0};
}

/// As Go's time.ParseDuration; nothing for what that refuses.
std::optional<nanoseconds> go_duration(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text == "0") return nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    // from_chars would take a sign, "inf" and "nan" as well.
    if (text[0] != '.' && (text[0] < '0' || text[0] > '9')) return std::nullopt;
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const auto [ns, length] = unit_of(text);
    if (length == 0) return std::nullopt;
    total += number * ns;
    text.remove_prefix(length);
  }
  return negative ? nanoseconds(0) : saturated(std::round(total));
}

std::optional<std::int64_t> whole(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    return text[0] == '-' ? std::numeric_limits<std::int64_t>::min()
                          : std::numeric_limits<std::int64_t>::max();
  }
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

nanoseconds parse_ttl(std::string_view text) {
  // Go's ParseDuration takes a bare "0", but a time to live of nothing is refused below, as an integer.
  if (const auto duration = go_duration(text);
      duration && text.find_first_not_of("+-0") != std::string_view::npos) {
    return *duration;
  }
  const auto seconds = whole(text);
  if (!seconds) {
    throw Error(CLEAT_INVALID, "ttl value must be a valid integer: actual is '" + std::string(text) + "'");
  }
  if (*seconds <= 0) {
    throw Error(CLEAT_INVALID, "ttl value must be higher than zero: actual is '" + std::string(text) + "'");
  }
  return saturated(static_cast<double>(*seconds) * 1e9);
}

std::optional<nanoseconds> ttl_of(const Request& request) {
  for (const std::string_view name : {"ttl", "ttlInSeconds"}) {
    const auto text = request.metadata(name);
    if (text && !text->empty()) return parse_ttl(*text);
  }
  return std::nullopt;
}

std::optional<std::uint8_t> priority_of(const Request& request) {
  const auto text = request.metadata("priority");
  if (!text || text->empty()) return std::nullopt;
  const auto value = whole(*text);
  if (!value) {
    throw Error(CLEAT_INVALID,
                "priority value must be a valid integer: actual is '" + std::string(*text) + "'");
  }
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(*value, 0, 255));
}

}  // namespace cleat::common
