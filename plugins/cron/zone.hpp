#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::cron {

using UnixSeconds = std::int64_t;  ///< seconds since 1970-01-01T00:00:00Z, without leap seconds

/// The rule that holds after a zone file's last change: the POSIX TZ text "CET-1CEST,M3.5.0,M10.5.0/3".
struct ZoneRule {
  struct Change {
    enum class Kind { julian, zero_based, month_week_day } kind = Kind::julian;
    int month = 0, week = 0, day = 0;
    std::int32_t time = 2 * 3600;  ///< seconds after local midnight; may be negative or beyond a day
  };
  std::int32_t standard = 0, summer = 0;  ///< seconds east of Greenwich
  bool has_summer = false;
  Change begin, end;  ///< of summer time; `begin` in standard, `end` in summer time
};

/// nullopt: not a POSIX TZ text.
std::optional<ZoneRule> parse_zone_rule(std::string_view text);

/// How local time follows from the clock: periods of one offset each. Reads the system's zone files itself,
/// because the C library knows only one zone per process and a plugin may not change it.
class Zone {
 public:
  struct Period {
    UnixSeconds begin = std::numeric_limits<UnixSeconds>::min();
    UnixSeconds end = std::numeric_limits<UnixSeconds>::max();  ///< first second of the next period
    std::int32_t offset = 0;                                    ///< local time minus UTC
  };

  static Zone utc() { return Zone("UTC"); }
  /// The zone of the process: TZ, otherwise the system's. As Go does: what cannot be read is UTC.
  static Zone local();
  /// A zone by its name, "Europe/Berlin". Throws std::invalid_argument with a sentence.
  static Zone named(std::string_view name);
  /// From the bytes of a zone file (TZif, RFC 8536). Throws std::invalid_argument.
  static Zone parse(std::string name, std::string_view bytes);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// The period that holds `when`.
  [[nodiscard]] Period period_at(UnixSeconds when) const;

 private:
  explicit Zone(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] Period period_by_rule(UnixSeconds when, UnixSeconds not_before) const;

  std::string name_;
  std::int32_t first_offset_ = 0;
  std::vector<Period> periods_;  ///< from each recorded change to the next, in order
  std::optional<ZoneRule> rule_;
};

}  // namespace cleat::cron
