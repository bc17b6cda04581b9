#include "schedule.hpp"

#include <algorithm>
#include <stdexcept>

namespace cleat::cron {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

/// Leap days are eight years apart around a century that has none.
constexpr std::chrono::years kSearch{9};

bool has(std::uint64_t bits, std::int64_t value) {
  return (bits >> value & 1U) != 0;
}

/// The first set bit at or after `from`; -1: none.
int first_from(std::uint64_t bits, std::int64_t from) {
  if (from > 63) return -1;
  const std::uint64_t rest = bits >> from << from;
  return rest == 0 ? -1 : __builtin_ctzll(rest);
}

}  // namespace

bool Schedule::day_matches(const Fields& fields, year_month_day date) {
  const bool day = has(fields.days, static_cast<unsigned>(date.day()));
  const bool weekday = has(fields.weekdays, std::chrono::weekday(sys_days(date)).c_encoding());
  return fields.any_day || fields.any_weekday ? day && weekday : day || weekday;
}

/// The first time of day at or after `from`.
std::optional<seconds> Schedule::time_of_day(const Fields& fields, seconds from) {
  const std::int64_t hour_from = from.count() / 3600, minute_from = from.count() / 60 % 60,
                     second_from = from.count() % 60;
  for (int hour = first_from(fields.hours, hour_from); hour >= 0; hour = first_from(fields.hours, hour + 1)) {
    const std::int64_t minute_least = hour > hour_from ? 0 : minute_from;
    for (int minute = first_from(fields.minutes, minute_least); minute >= 0;
         minute = first_from(fields.minutes, minute + 1)) {
      const bool later = hour > hour_from || minute > minute_from;
      const int second = first_from(fields.seconds, later ? 0 : second_from);
      if (second >= 0) return hours(hour) + minutes(minute) + seconds(second);
    }
  }
  return std::nullopt;
}

/// The first match in [from, until) of a calendar whose clock never changes.
std::optional<sys_seconds> Schedule::match(const Fields& fields, sys_seconds from, sys_seconds until) {
  sys_days day = floor<days>(from);
  seconds least = from - day;
  while (day < until) {
    const year_month_day date(day);
    if (!has(fields.months, static_cast<unsigned>(date.month()))) {
      day = date.year() / date.month() / std::chrono::last;
    } else if (day_matches(fields, date)) {
      if (const auto time = time_of_day(fields, least)) {
        return day + *time < until ? std::optional(day + *time) : std::nullopt;
      }
    }
    day += days(1);
    least = seconds(0);
  }
  return std::nullopt;
}

std::optional<Instant> Schedule::next(Instant after) const {
  if (const auto* interval = std::get_if<Interval>(&when_)) return floor<seconds>(after) + interval->length;
  const auto& fields = std::get<Fields>(when_);
  sys_seconds from = floor<seconds>(after) + seconds(1);
  const sys_seconds limit = from + kSearch;
  while (from < limit) {
    // Inside one period of the zone local time runs on evenly, so plain calendar arithmetic is right there.
    const Zone::Period period = zone_.period_at(from.time_since_epoch().count());
    const sys_seconds end = std::min(limit, sys_seconds(seconds(period.end)));
    const seconds offset(period.offset);
    if (const auto local = match(fields, from + offset, end + offset)) return *local - offset;
    from = end;
  }
  return std::nullopt;
}

}  // namespace cleat::cron
