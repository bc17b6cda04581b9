#include "zone.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "moment.hpp"

namespace cleat::cron {
namespace {

UnixSeconds unix_of(const char* text) {
  return std::chrono::duration_cast<std::chrono::seconds>(moment(text).time_since_epoch()).count();
}

void append(std::string& bytes, std::int64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> shift & 0xff);
}

/// A zone file of version 2 with one change at `change` from offset 3600 to 7200, and the given rule behind
/// it.
std::string zone_file(UnixSeconds change, const std::string& rule) {
  const auto header = [](std::string& bytes, int changes) {
    bytes += "TZif2";
    bytes.append(15, '\0');
    for (const int count : {0, 0, 0, changes, 2, 4})
      append(bytes, count, 4);
  };
  const auto types = [](std::string& bytes) {
    for (const int offset : {3600, 7200}) {
      append(bytes, offset, 4);
      append(bytes, 0, 2);
    }
    bytes.append("ABC\0", 4);
  };
  std::string bytes;
  header(bytes, 0);
  types(bytes);
  header(bytes, 1);
  append(bytes, change, 8);
  append(bytes, 1, 1);
  types(bytes);
  return bytes + "\n" + rule + "\n";
}

TEST(Zone, TableThenRule) {
  const UnixSeconds change = unix_of("2000-01-01T00:00:00Z");
  const Zone zone = Zone::parse("Test", zone_file(change, "CET-1CEST,M3.5.0,M10.5.0/3"));
  EXPECT_EQ(zone.period_at(change - 1).offset, 3600);
  EXPECT_EQ(zone.period_at(change - 1).end, change);
  EXPECT_EQ(zone.period_at(unix_of("2024-03-31T00:59:59Z")).offset, 3600);
  EXPECT_EQ(zone.period_at(unix_of("2024-03-31T00:59:59Z")).end, unix_of("2024-03-31T01:00:00Z"));
  EXPECT_EQ(zone.period_at(unix_of("2024-03-31T01:00:00Z")).offset, 7200);
  EXPECT_EQ(zone.period_at(unix_of("2024-07-01T00:00:00Z")).begin, unix_of("2024-03-31T01:00:00Z"));
  EXPECT_EQ(zone.period_at(unix_of("2024-10-27T01:00:00Z")).offset, 3600);
}

TEST(Zone, RuleOfTheSouthernHalf) {
  const Zone zone = Zone::parse("Test", zone_file(0, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"));
  EXPECT_EQ(zone.period_at(unix_of("2024-01-15T00:00:00Z")).offset, 11 * 3600);
  EXPECT_EQ(zone.period_at(unix_of("2024-07-15T00:00:00Z")).offset, 10 * 3600 + 1800);
  EXPECT_EQ(zone.period_at(unix_of("2024-12-31T23:00:00Z")).end, unix_of("2025-04-05T15:00:00Z"));
}

TEST(Zone, RuleForms) {
  ASSERT_TRUE(parse_zone_rule("EST5"));
  EXPECT_EQ(parse_zone_rule("EST5")->standard, -5 * 3600);
  EXPECT_EQ(parse_zone_rule("IST-5:30")->standard, 5 * 3600 + 1800);
  EXPECT_EQ(parse_zone_rule("AAA3BBB,J60/-1,365/167")->begin.time, -3600);
  for (const char* text :
       {"", "A1", "EST", "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,M3.2.0", "EST5EDT", "<+01", "EST5x"}) {
    EXPECT_FALSE(parse_zone_rule(text)) << text;
  }
}

TEST(Zone, JulianDaysNeverCountTheLeapDay) {
  const Zone zone = Zone::parse("Test", zone_file(0, "AAA0BBB,J60/0,J300/0"));
  EXPECT_EQ(zone.period_at(unix_of("2023-02-28T12:00:00Z")).end, unix_of("2023-03-01T00:00:00Z"));
  EXPECT_EQ(zone.period_at(unix_of("2024-02-28T12:00:00Z")).end, unix_of("2024-03-01T00:00:00Z"));
}

TEST(Zone, DamagedFilesAreRefused) {
  const std::string whole = zone_file(0, "UTC0");
  EXPECT_THROW(Zone::parse("Test", ""), std::invalid_argument);
  EXPECT_THROW(Zone::parse("Test", "no zone file at all, but long enough for its header to be read"),
               std::invalid_argument);
  const std::size_t tables = whole.size() - std::string("\nUTC0\n").size();
  for (std::size_t length = 0; length < tables; ++length) {
    EXPECT_THROW(Zone::parse("Test", whole.substr(0, length)), std::invalid_argument) << length;
  }
  std::string senseless = whole;
  senseless[32] = '\x7f';  // the count of changes
  EXPECT_THROW(Zone::parse("Test", senseless), std::invalid_argument);
}

TEST(Zone, SystemZonesAgreeWithKnownMoments) {
  const Zone berlin = Zone::named("Europe/Berlin");
  EXPECT_EQ(berlin.period_at(unix_of("2024-07-01T00:00:00Z")).offset, 7200);
  EXPECT_EQ(berlin.period_at(unix_of("2060-12-01T00:00:00Z")).offset, 3600);
  const Zone new_york = Zone::named("America/New_York");
  EXPECT_EQ(new_york.period_at(unix_of("1944-01-01T00:00:00Z")).offset, -4 * 3600);  // war time, all year
  EXPECT_EQ(Zone::named("Asia/Kolkata").period_at(0).offset, 5 * 3600 + 1800);
  EXPECT_EQ(Zone::named("UTC").period_at(0).offset, 0);
}

}  // namespace
}  // namespace cleat::cron
