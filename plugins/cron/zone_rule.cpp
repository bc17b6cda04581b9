#include <cctype>
#include <cstddef>

#include "zone.hpp"

namespace cleat::cron {
namespace {

/// Reads a POSIX TZ text from the left; `ok` turns false at the first thing that does not fit.
struct RuleReader {
  std::string_view rest;
  bool ok = true;

  bool accept(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  int number(int least, int most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < rest.size() && digits < 4 &&
           std::isdigit(static_cast<unsigned char>(rest[digits])) != 0) {
      value = value * 10 + (rest[digits++] - '0');
    }
    rest.remove_prefix(digits);
    ok = ok && digits > 0 && value >= least && value <= most;
    return value;
  }
  void name() {
    std::size_t length = 0;
    if (accept('<')) {
      length = rest.find('>');
      ok = ok && length != std::string_view::npos && length >= 3;
      if (ok) rest.remove_prefix(length + 1);
      return;
    }
    while (length < rest.size() && std::isalpha(static_cast<unsigned char>(rest[length])) != 0)
      ++length;
    rest.remove_prefix(length);
    ok = ok && length >= 3;
  }
  /// [+-]hh[:mm[:ss]] in seconds.
  std::int32_t time(int most_hours) {
    const bool negative = accept('-');
    if (!negative) accept('+');
    std::int32_t seconds = number(0, most_hours) * 3600;
    if (accept(':')) {
      seconds += number(0, 59) * 60;
      if (accept(':')) seconds += number(0, 59);
    }
    return negative ? -seconds : seconds;
  }
  ZoneRule::Change change() {
    ZoneRule::Change change;
    if (accept('M')) {
      change.kind = ZoneRule::Change::Kind::month_week_day;
      change.month = number(1, 12);
      ok = accept('.') && ok;
      change.week = number(1, 5);
      ok = accept('.') && ok;
      change.day = number(0, 6);
    } else if (accept('J')) {
      change.day = number(1, 365);
    } else {
      change.kind = ZoneRule::Change::Kind::zero_based;
      change.day = number(0, 365);
    }
    if (accept('/')) change.time = time(167);
    return change;
  }
};

}  // namespace

std::optional<ZoneRule> parse_zone_rule(std::string_view text) {
  RuleReader reader{text};
  ZoneRule rule;
  reader.name();
  rule.standard = -reader.time(24);  // the text counts westwards
  if (reader.ok && !reader.rest.empty()) {
    rule.has_summer = true;
    reader.name();
    rule.summer = rule.standard + 3600;
    if (!reader.rest.empty() && reader.rest.front() != ',') rule.summer = -reader.time(24);
    reader.ok = reader.accept(',') && reader.ok;
    rule.begin = reader.change();
    reader.ok = reader.accept(',') && reader.ok;
    rule.end = reader.change();
  }
  if (!reader.ok || !reader.rest.empty()) return std::nullopt;
  return rule;
}

}  // namespace cleat::cron
