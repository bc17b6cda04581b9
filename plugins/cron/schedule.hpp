#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "zone.hpp"

namespace cleat::cron {

using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

/// When a schedule's moments come: five or six fields, @daily and its like, or @every. The grammar and its
/// readings are those of robfig/cron v3 as Dapr's cron binding sets it up. Reads no clock.
class Schedule {
 public:
  /// Throws std::invalid_argument with what is wrong. `TZ=<zone>` or `CRON_TZ=<zone>` may stand before the
  /// fields, otherwise `local` is meant.
  static Schedule parse(std::string_view text, const Zone& local);

  /// The first moment after `after`; nullopt: none within nine years (February 30). A local time that a
  /// change of the clock skips does not come, one that it repeats comes twice, as robfig/cron does.
  [[nodiscard]] std::optional<Instant> next(Instant after) const;

  /// The zone that the fields are read in.
  [[nodiscard]] const Zone& zone() const { return zone_; }

 private:
  struct Fields {
    std::uint64_t seconds = 0, minutes = 0, hours = 0, days = 0, months = 0,
                  weekdays = 0;                 ///< one bit per value
    bool any_day = false, any_weekday = false;  ///< a star stands there: then the other one decides alone
  };
  struct Interval {
    std::chrono::seconds length;
  };

  Schedule(std::variant<Fields, Interval> when, Zone zone) : when_(when), zone_(std::move(zone)) {}
  static Fields parse_fields(std::string_view text);
  static bool day_matches(const Fields& fields, std::chrono::year_month_day date);
  static std::optional<std::chrono::seconds> time_of_day(const Fields& fields, std::chrono::seconds from);
  static std::optional<std::chrono::sys_seconds> match(const Fields& fields, std::chrono::sys_seconds from,
                                                       std::chrono::sys_seconds until);

  std::variant<Fields, Interval> when_;
  Zone zone_;
};

/// Go's duration text: "1h30m", "1.5h", "300ms". Throws std::invalid_argument.
std::chrono::nanoseconds parse_go_duration(std::string_view text);

}  // namespace cleat::cron
