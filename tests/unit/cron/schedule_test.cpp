#include "schedule.hpp"

#include <gtest/gtest.h>

#include "moment.hpp"

namespace cleat::cron {
namespace {

struct Vector {
  const char *after, *schedule, *expected;  ///< expected: "never" if it does not come
};

void check(const Vector& vector) {
  SCOPED_TRACE(std::string(vector.schedule) + " after " + vector.after);
  const Schedule schedule = Schedule::parse(vector.schedule, Zone::utc());
  const std::string expected =
      vector.expected == std::string("never") ? "never" : shown(moment(vector.expected));
  EXPECT_EQ(shown(schedule.next(moment(vector.after))), expected);
}

TEST(Schedule, FieldsWrapAround) {
  constexpr Vector kVectors[] = {
      {"2012-07-09T14:45:00Z", "0 0/15 * * * *", "2012-07-09T15:00:00Z"},
      {"2012-07-09T14:59:59Z", "0 0/15 * * * *", "2012-07-09T15:00:00Z"},
      {"2012-07-09T15:45:00Z", "0 20-35/15 * * * *", "2012-07-09T16:20:00Z"},
      {"2012-07-09T23:46:00Z", "0 */15 * * * *", "2012-07-10T00:00:00Z"},
      {"2012-07-09T23:45:00Z", "0 20-35/15 * * * *", "2012-07-10T00:20:00Z"},
      {"2012-07-09T23:35:51Z", "15/35 20-35/15 * * * *", "2012-07-10T00:20:15Z"},
      {"2012-07-09T23:35:51Z", "15/35 20-35/15 1/2 * * *", "2012-07-10T01:20:15Z"},
      {"2012-07-09T23:35:51Z", "15/35 20-35/15 10-12 * * *", "2012-07-10T10:20:15Z"},
      {"2012-07-09T23:35:51Z", "15/35 20-35/15 1/2 */2 * *", "2012-07-11T01:20:15Z"},
      {"2012-07-09T23:35:51Z", "15/35 20-35/15 * 9-20 Jul *", "2012-07-10T00:20:15Z"},
      {"2012-07-09T23:35:00Z", "0 0 0 9 Apr-Oct ?", "2012-08-09T00:00:00Z"},
      {"2012-07-09T23:35:00Z", "0 0 0 * Feb Mon", "2013-02-04T00:00:00Z"},
      {"2012-07-09T23:35:00Z", "0 0 0 * Feb Mon/2", "2013-02-01T00:00:00Z"},
      {"2012-12-31T23:59:45Z", "0 * * * * *", "2013-01-01T00:00:00Z"},
      {"2012-12-31T23:59:45Z", "*/20 * * * * *", "2013-01-01T00:00:00Z"},
      {"2012-07-09T14:45:10Z", "* * * * * *", "2012-07-09T14:45:11Z"},
      {"2012-07-09T14:45:10Z", "10,12,50 45 14 * * *", "2012-07-09T14:45:12Z"},
  };
  for (const Vector& vector : kVectors)
    check(vector);
}

TEST(Schedule, FiveFieldsMeanSecondZero) {
  check({"2024-05-01T10:00:00Z", "* * * * *", "2024-05-01T10:01:00Z"});
  check({"2024-05-01T10:00:00Z", "30 4 * * SUN", "2024-05-05T04:30:00Z"});
  check({"2024-05-01T10:00:00Z", "  5   0 1 jan  ? ", "2025-01-01T00:05:00Z"});
  check({"2024-05-01T10:00:00Z", "+5 010 * * *", "2024-05-01T10:05:00Z"});
}

TEST(Schedule, DayOfMonthAndWeekdayAreEitherIfBothAreRestricted) {
  check({"2012-07-09T23:35:00Z", "0 0 0 */5 Apr,Aug,Oct Mon", "2012-08-01T00:00:00Z"});
  check({"2012-07-09T23:35:00Z", "0 0 0 */5 Oct Mon", "2012-10-01T00:00:00Z"});
  check({"2012-07-15T00:00:00Z", "0 0 0 13 * Mon", "2012-07-16T00:00:00Z"});
  check({"2012-07-09T00:00:01Z", "0 0 0 13 * ?", "2012-07-13T00:00:00Z"});
  check({"2012-07-10T00:00:00Z", "0 0 0 ? * Mon", "2012-07-16T00:00:00Z"});
}

TEST(Schedule, LeapDays) {
  check({"2012-07-09T23:35:00Z", "0 0 0 29 Feb ?", "2016-02-29T00:00:00Z"});
  check({"2096-03-01T00:00:00Z", "0 0 29 2 *", "2104-02-29T00:00:00Z"});
  check({"2023-02-28T00:00:00Z", "0 0 31 * *", "2023-03-31T00:00:00Z"});
}

TEST(Schedule, DatesThatDoNotExistNeverCome) {
  check({"2012-07-09T23:35:00Z", "0 0 0 30 Feb ?", "never"});
  check({"2012-07-09T23:35:00Z", "0 0 0 31 Apr ?", "never"});
}

TEST(Schedule, NamedSchedules) {
  constexpr Vector kVectors[] = {
      {"2012-07-09T14:45:30Z", "@yearly", "2013-01-01T00:00:00Z"},
      {"2012-07-09T14:45:30Z", "@annually", "2013-01-01T00:00:00Z"},
      {"2012-07-09T14:45:30Z", "@monthly", "2012-08-01T00:00:00Z"},
      {"2012-07-09T14:45:30Z", "@weekly", "2012-07-15T00:00:00Z"},
      {"2012-07-09T14:45:30Z", "@daily", "2012-07-10T00:00:00Z"},
      {"2012-07-09T14:45:30Z", "@midnight", "2012-07-10T00:00:00Z"},
      {"2012-07-09T14:45:30Z", "@hourly", "2012-07-09T15:00:00Z"},
      {"2012-07-09T14:45:30Z", "TZ=Europe/Berlin @daily", "2012-07-09T22:00:00Z"},
  };
  for (const Vector& vector : kVectors)
    check(vector);
}

TEST(Schedule, EveryCountsFromTheWholeSecond) {
  check({"2012-07-09T14:45:00Z", "@every 15m", "2012-07-09T15:00:00Z"});
  check({"2012-07-09T14:45:00Z", "@every 1h30m10s", "2012-07-09T16:15:10Z"});
  check({"2012-07-09T14:45:00Z", "@every 15ms", "2012-07-09T14:45:01Z"});
  check({"2012-07-09T14:45:00Z", "@every 1.9s", "2012-07-09T14:45:01Z"});
  check({"2012-12-31T23:59:45Z", "TZ=America/New_York @every 30s", "2013-01-01T00:00:15Z"});
  const Schedule every = Schedule::parse("@every 1s", Zone::utc());
  const Instant between = moment("2012-07-09T14:45:00Z") + std::chrono::milliseconds(400);
  EXPECT_EQ(shown(every.next(between)), "2012-07-09T14:45:01Z");
}

TEST(Schedule, FractionsOfASecondAreIgnored) {
  const Schedule schedule = Schedule::parse("* * * * * *", Zone::utc());
  EXPECT_EQ(shown(schedule.next(moment("2012-07-09T14:45:00Z") + std::chrono::nanoseconds(999'999'999))),
            "2012-07-09T14:45:01Z");
}

// The hour that is skipped in spring does not come, and what stands in it waits for the next day that has it.
TEST(Schedule, SpringInNewYork) {
  constexpr Vector kVectors[] = {
      {"2012-03-11T00:00:00-0500", "TZ=America/New_York 0 30 2 11 Mar ?", "2013-03-11T02:30:00-0400"},
      {"2012-03-11T00:00:00-0500", "TZ=America/New_York 0 0 * * * ?", "2012-03-11T01:00:00-0500"},
      {"2012-03-11T01:00:00-0500", "CRON_TZ=America/New_York 0 0 * * * ?", "2012-03-11T03:00:00-0400"},
      {"2012-03-11T03:00:00-0400", "TZ=America/New_York 0 0 * * * ?", "2012-03-11T04:00:00-0400"},
      {"2012-03-11T01:00:00-0500", "TZ=America/New_York 0 0 1 * * ?", "2012-03-12T01:00:00-0400"},
      {"2012-03-11T00:00:00-0500", "TZ=America/New_York 0 0 2 * * ?", "2012-03-12T02:00:00-0400"},
      {"2012-11-04T00:00:00-0400", "TZ=America/New_York 0 0 3 3 * ?", "2012-12-03T03:00:00-0500"},
  };
  for (const Vector& vector : kVectors)
    check(vector);
}

// The hour that is repeated in autumn comes twice.
TEST(Schedule, AutumnInNewYork) {
  constexpr Vector kVectors[] = {
      {"2012-11-04T00:00:00-0400", "TZ=America/New_York 0 30 2 04 Nov ?", "2012-11-04T02:30:00-0500"},
      {"2012-11-04T01:45:00-0400", "TZ=America/New_York 0 30 1 04 Nov ?", "2012-11-04T01:30:00-0500"},
      {"2012-11-04T00:00:00-0400", "TZ=America/New_York 0 0 * * * ?", "2012-11-04T01:00:00-0400"},
      {"2012-11-04T01:00:00-0400", "TZ=America/New_York 0 0 * * * ?", "2012-11-04T01:00:00-0500"},
      {"2012-11-04T01:00:00-0500", "TZ=America/New_York 0 0 * * * ?", "2012-11-04T02:00:00-0500"},
      {"2012-11-04T01:00:00-0400", "TZ=America/New_York 0 0 1 * * ?", "2012-11-04T01:00:00-0500"},
      {"2012-11-04T01:00:00-0500", "TZ=America/New_York 0 0 1 * * ?", "2012-11-05T01:00:00-0500"},
      {"2012-11-04T00:00:00-0400", "TZ=America/New_York 0 0 2 * * ?", "2012-11-04T02:00:00-0500"},
  };
  for (const Vector& vector : kVectors)
    check(vector);
}

TEST(Schedule, SpringAndAutumnInBerlin) {
  constexpr Vector kVectors[] = {
      {"2024-03-31T00:30:00+0100", "TZ=Europe/Berlin 30 2 * * *", "2024-04-01T02:30:00+0200"},
      {"2024-03-31T01:59:00+0100", "TZ=Europe/Berlin * * * * *", "2024-03-31T03:00:00+0200"},
      {"2024-10-27T00:30:00+0200", "TZ=Europe/Berlin 30 2 * * *", "2024-10-27T02:30:00+0200"},
      {"2024-10-27T02:30:00+0200", "TZ=Europe/Berlin 30 2 * * *", "2024-10-27T02:30:00+0100"},
      {"2024-10-27T02:30:00+0100", "TZ=Europe/Berlin 30 2 * * *", "2024-10-28T02:30:00+0100"},
      {"2045-06-30T00:00:00Z", "TZ=Europe/Berlin 0 12 * * *",
       "2045-06-30T12:00:00+0200"},  // beyond the file's table
  };
  for (const Vector& vector : kVectors)
    check(vector);
}

TEST(Schedule, MidnightThatDoesNotExist) {
  check({"2018-10-17T05:00:00-0400", "TZ=America/Sao_Paulo 0 0 9 10 * ?", "2018-11-10T06:00:00-0500"});
  check({"2018-02-14T05:00:00-0500", "TZ=America/Sao_Paulo 0 0 9 22 * ?", "2018-02-22T07:00:00-0500"});
  check({"2018-11-03T12:00:00-0300", "TZ=America/Sao_Paulo @daily", "2018-11-05T00:00:00-0200"});
}

TEST(Schedule, NamesItsZone) {
  EXPECT_EQ(Schedule::parse("TZ=Europe/Berlin @daily", Zone::utc()).zone().name(), "Europe/Berlin");
  EXPECT_EQ(Schedule::parse("@daily", Zone::local()).zone().name(), "Local");
}

}  // namespace
}  // namespace cleat::cron
