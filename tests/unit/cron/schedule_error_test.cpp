#include <gtest/gtest.h>

#include <stdexcept>

#include "schedule.hpp"

namespace cleat::cron {
namespace {

std::string error_of(std::string_view text) {
  try {
    Schedule::parse(text, Zone::utc());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(ScheduleErrors, SayWhatIsWrong) {
  const std::pair<const char*, const char*> kVectors[] = {
      {"", "empty spec string"},
      {"xyz", "expected 5 to 6 fields, found 1: [xyz]"},
      {"* * * *", "expected 5 to 6 fields, found 4: [* * * *]"},
      {"* * * * * * *", "expected 5 to 6 fields, found 7: [* * * * * * *]"},
      {"5 j * * *", "failed to parse int from j: expected a whole number"},
      {"60 0 * * *", "end of range (60) above maximum (59): 60"},
      {"0 24 * * *", "end of range (24) above maximum (23): 24"},
      {"0 0 0 * *", "beginning of range (0) below minimum (1): 0"},
      {"0 0 * 13 *", "end of range (13) above maximum (12): 13"},
      {"0 0 * * 7", "end of range (7) above maximum (6): 7"},
      {"45-30 * * * *", "beginning of range (45) beyond end of range (30): 45-30"},
      {"1-2-3 * * * *", "too many hyphens: 1-2-3"},
      {"1/2/3 * * * *", "too many slashes: 1/2/3"},
      {"*/0 * * * *", "step of range should be a positive number: */0"},
      {"-5 * * * *", "failed to parse int from : expected a whole number"},
      {", * * * *", "a field without a value: ,"},
      {"@unknown", "unrecognized descriptor: @unknown"},
      {"@every", "unrecognized descriptor: @every"},
      {"@every 5", "failed to parse duration 5: expected a text such as 1h30m, 45s or 500ms"},
      {"@every 1x", "failed to parse duration 1x: expected a text such as 1h30m, 45s or 500ms"},
      {"TZ=Europe/Berlin", "expected a schedule after the time zone: TZ=Europe/Berlin"},
  };
  for (const auto& [text, expected] : kVectors)
    EXPECT_EQ(error_of(text), expected) << text;
}

TEST(ScheduleErrors, UnknownZoneSaysWhatToDo) {
  EXPECT_EQ(error_of("TZ=Europe/Atlantis * * * * *"),
            "provided bad location Europe/Atlantis: no time zone of this name is installed; use a name of "
            "the IANA list such "
            "as Europe/Berlin, and install the tzdata package if it is missing");
  EXPECT_NE(error_of("TZ=../../../etc/passwd * * * * *").find("provided bad location"), std::string::npos);
  EXPECT_NE(error_of("TZ=/etc/localtime * * * * *").find("provided bad location"), std::string::npos);
}

TEST(GoDuration, Values) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_go_duration("1h30m"), 90min);
  EXPECT_EQ(parse_go_duration("1.5h"), 90min);
  EXPECT_EQ(parse_go_duration("300ms"), 300ms);
  EXPECT_EQ(parse_go_duration("-1s"), -1s);
  EXPECT_EQ(parse_go_duration("0"), 0s);
  EXPECT_EQ(parse_go_duration("+2us3ns"), 2003ns);
  EXPECT_EQ(parse_go_duration("7\u00b5s"), 7us);
  for (const char* text : {"", "s", "1", "1.2.3s", ".s", "1h 2m", "99999999999h", "1e3s", "-"}) {
    EXPECT_THROW(parse_go_duration(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace cleat::cron
