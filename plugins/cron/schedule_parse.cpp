#include <array>
#include <cctype>
#include <charconv>
#include <stdexcept>
#include <vector>

#include "schedule.hpp"

namespace cleat::cron {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\v\f";

struct Bounds {
  int least, most;
  std::vector<std::string_view> names;  ///< of the values from `least` on
};

struct Bits {
  std::uint64_t set = 0;
  bool star = false;
};

[[noreturn]] void wrong(const std::string& text) {
  throw std::invalid_argument(text);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

/// The parts between any of `separators`; empty ones are kept only with `keep_empty`.
std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool keep_empty) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (keep_empty || end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

int parse_number(std::string_view text) {
  int value = 0;
  const char* begin = text.data() + (!text.empty() && text.front() == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    wrong("failed to parse int from " + std::string(text) + ": expected a whole number");
  }
  if (value < 0) wrong("negative number (" + std::to_string(value) + ") not allowed: " + std::string(text));
  return value;
}

int parse_value(std::string_view text, const Bounds& bounds) {
  std::string lower(text);
  for (char& c : lower)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::size_t i = 0; i < bounds.names.size(); ++i) {
    if (lower == bounds.names[i]) return bounds.least + static_cast<int>(i);
  }
  return parse_number(text);
}

/// One part of a list: `*`, `?`, `3`, `1-5`, each with an optional `/step`; `3/5` means from 3 to the end.
Bits parse_range(std::string_view text, const Bounds& bounds) {
  const std::string shown(text);
  const auto by_step = split(text, "/", true);
  if (by_step.size() > 2) wrong("too many slashes: " + shown);
  const auto ends = split(by_step[0], "-", true);
  const bool star = ends[0] == "*" || ends[0] == "?";
  if (ends.size() > 2) wrong("too many hyphens: " + shown);
  const int step = by_step.size() == 2 ? parse_number(by_step[1]) : 1;
  const int first = star ? bounds.least : parse_value(ends[0], bounds);
  int last = star ? bounds.most : first;
  if (!star && ends.size() == 2) last = parse_value(ends[1], bounds);
  if (ends.size() == 1 && by_step.size() == 2) last = bounds.most;

  const std::string first_shown = std::to_string(first), last_shown = std::to_string(last);
  if (first < bounds.least) {
    wrong("beginning of range (" + first_shown + ") below minimum (" + std::to_string(bounds.least) +
          "): " + shown);
  }
  if (last > bounds.most) {
    wrong("end of range (" + last_shown + ") above maximum (" + std::to_string(bounds.most) + "): " + shown);
  }
  if (first > last)
    wrong("beginning of range (" + first_shown + ") beyond end of range (" + last_shown + "): " + shown);
  if (step == 0) wrong("step of range should be a positive number: " + shown);

  Bits bits;
  for (std::int64_t value = first; value <= last; value += step)
    bits.set |= std::uint64_t{1} << value;
  bits.star = star && step == 1;  // "*/2" restricts
  return bits;
}

Bits parse_field(std::string_view text, const Bounds& bounds) {
  Bits bits;
  for (const std::string_view part : split(text, ",", false)) {
    const Bits more = parse_range(part, bounds);
    bits.set |= more.set;
    bits.star = bits.star || more.star;
  }
  if (bits.set == 0) wrong("a field without a value: " + std::string(text));
  return bits;
}

std::optional<std::string_view> fields_of(std::string_view descriptor) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kKnown{{{"@yearly", "0 0 1 1 *"},
                                                                                 {"@annually", "0 0 1 1 *"},
                                                                                 {"@monthly", "0 0 1 * *"},
                                                                                 {"@weekly", "0 0 * * 0"},
                                                                                 {"@daily", "0 0 * * *"},
                                                                                 {"@midnight", "0 0 * * *"},
                                                                                 {"@hourly", "0 * * * *"}}};
  for (const auto& [name, fields] : kKnown) {
    if (descriptor == name) return fields;
  }
  return std::nullopt;
}

}  // namespace

Schedule::Fields Schedule::parse_fields(std::string_view text) {
  auto parts = split(text, kSpaces, false);
  if (parts.size() != 5 && parts.size() != 6) {
    wrong("expected 5 to 6 fields, found " + std::to_string(parts.size()) + ": [" + std::string(text) + "]");
  }
  if (parts.size() == 5) parts.insert(parts.begin(), "0");
  Fields fields;
  fields.seconds = parse_field(parts[0], {0, 59, {}}).set;
  fields.minutes = parse_field(parts[1], {0, 59, {}}).set;
  fields.hours = parse_field(parts[2], {0, 23, {}}).set;
  const Bits days = parse_field(parts[3], {1, 31, {}});
  fields.months =
      parse_field(
          parts[4],
          {1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}})
          .set;
  const Bits weekdays = parse_field(parts[5], {0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}});
  fields.days = days.set;
  fields.any_day = days.star;
  fields.weekdays = weekdays.set;
  fields.any_weekday = weekdays.star;
  return fields;
}

Schedule Schedule::parse(std::string_view text, const Zone& local) {
  if (text.empty()) wrong("empty spec string");
  Zone zone = local;
  if (text.substr(0, 3) == "TZ=" || text.substr(0, 8) == "CRON_TZ=") {
    const std::size_t space = text.find(' '), equals = text.find('=');
    if (space == std::string_view::npos)
      wrong("expected a schedule after the time zone: " + std::string(text));
    zone = Zone::named(text.substr(equals + 1, space - equals - 1));
    text = trim(text.substr(space));
  }
  constexpr std::string_view kEvery = "@every ";
  if (text.substr(0, kEvery.size()) == kEvery) {
    const auto whole =
        std::chrono::floor<std::chrono::seconds>(parse_go_duration(text.substr(kEvery.size())));
    return {Interval{std::max(whole, std::chrono::seconds(1))}, std::move(zone)};
  }
  if (!text.empty() && text.front() == '@') {
    const auto fields = fields_of(text);
    if (!fields) wrong("unrecognized descriptor: " + std::string(text));
    text = *fields;
  }
  return {parse_fields(text), std::move(zone)};
}

std::chrono::nanoseconds parse_go_duration(std::string_view text) {
  const std::string shown(text);
  const auto fail = [&] {
    wrong("failed to parse duration " + shown + ": expected a text such as 1h30m, 45s or 500ms");
  };
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"ns", 1},
                                                                       {"us", 1e3},
                                                                       {"\u00b5s", 1e3},
                                                                       {"\u03bcs", 1e3},
                                                                       {"ms", 1e6},
                                                                       {"s", 1e9},
                                                                       {"m", 60e9},
                                                                       {"h", 3600e9}}};
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text == "0") return {};
  if (text.empty()) fail();
  double total = 0;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
    double count = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + length, count, std::chars_format::fixed);
    if (length == 0 || error != std::errc() || end != text.data() + length) fail();
    text.remove_prefix(length);
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789."));
    double factor = 0;
    for (const auto& [name, nanoseconds] : kUnits) {
      if (unit == name) factor = nanoseconds;
    }
    if (factor == 0) fail();
    total += count * factor;
    text.remove_prefix(unit.size());
  }
  if (total >= 9.2e18) fail();
  return std::chrono::nanoseconds(static_cast<std::int64_t>(negative ? -total : total));
}

}  // namespace cleat::cron
