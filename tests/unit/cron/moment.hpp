#pragma once

#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>

#include "schedule.hpp"

namespace cleat::cron {

/// "2012-07-09T14:45:00Z" or with an offset, "2012-03-11T00:00:00-0500".
inline Instant moment(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset_hours = 0, offset_minutes = 0;
  char sign = 'Z';
  const int read = std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d%c%2d%2d", &year, &month, &day, &hour, &minute,
                               &second, &sign, &offset_hours, &offset_minutes);
  if (read != 7 && read != 9) throw std::invalid_argument("not a moment: " + text);
  const std::chrono::sys_days date = std::chrono::year(year) / month / day;
  const auto offset = std::chrono::hours(offset_hours) + std::chrono::minutes(offset_minutes);
  const auto local =
      date + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  return sign == '-' ? local + offset : local - offset;
}

inline std::string shown(std::optional<Instant> when) {
  if (!when) return "never";
  const auto day = std::chrono::floor<std::chrono::days>(*when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(*when - day));
  char text[64];
  std::snprintf(text, sizeof text, "%d-%02u-%02uT%02ld:%02ld:%02ldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                time.minutes().count(), time.seconds().count());
  return text;
}

}  // namespace cleat::cron
