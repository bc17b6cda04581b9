#include "policy/trip.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace cleat {
namespace {

using testing::HasSubstr;

constexpr BreakerCounts kCounts{.requests = 10,
                                .total_successes = 6,
                                .total_failures = 4,
                                .consecutive_successes = 0,
                                .consecutive_failures = 3};

TEST(Trip, HoldsWhereCelWould) {
  const std::map<std::string, bool> conditions{{"requests == 10", true},
                                               {"requests != 10", false},
                                               {"requests > 9", true},
                                               {"requests > 10", false},
                                               {"requests >= 10", true},
                                               {"requests < 10", false},
                                               {"requests <= 10", true},
                                               {"totalSuccesses == 6", true},
                                               {"totalFailures == 4", true},
                                               {"consecutiveSuccesses == 0", true},
                                               {"consecutiveFailures == 3", true},
                                               {"9 < requests", true},
                                               {"11 < requests", false},
                                               {"totalFailures < totalSuccesses", true},
                                               {"totalFailures > totalSuccesses", false},
                                               {"1 < 2", true},
                                               {"2 < 1", false},
                                               {"requests > 3 && totalFailures >= 2", true},
                                               {"requests > 3 && totalFailures >= 5", false},
                                               {"requests > 30 || totalFailures >= 2", true},
                                               {"requests > 30 || totalFailures >= 5", false},
                                               // && binds more than ||, on either side.
                                               {"1 == 1 || 1 == 1 && 1 == 2", true},
                                               {"(1 == 1 || 1 == 1) && 1 == 2", false},
                                               {"1 == 2 && 1 == 1 || 1 == 1", true},
                                               {"1 == 2 && (1 == 1 || 1 == 1)", false},
                                               {"1 == 1 && 1 == 1 && 1 == 2", false},
                                               {"1 == 2 || 1 == 2 || 1 == 1", true},
                                               {"!(requests > 3)", false},
                                               {"!!(requests > 3)", true},
                                               {"!(requests > 30) && totalFailures == 4", true},
                                               {"!(requests > 3 && totalFailures == 4)", false},
                                               {"((requests)) > (3)", true},
                                               {" \t\nrequests>3&&totalFailures>=2\n", true},
                                               {"requests > 007", true},
                                               {"requests < 9223372036854775807", true},
                                               {"requests < 4294967306", true}};
  for (const auto& [text, holds] : conditions) {
    const auto trip = Trip::parse(text);
    ASSERT_TRUE(trip) << text << ": " << trip.error().text;
    EXPECT_EQ(trip->holds(kCounts), holds) << text;
  }
}

TEST(Trip, WithoutATextIsMoreThanFiveFailuresInARow) {
  const Trip trip;
  EXPECT_FALSE(trip.holds({.consecutive_failures = 5}));
  EXPECT_TRUE(trip.holds({.consecutive_failures = 6}));
  EXPECT_FALSE(trip.holds({.requests = 100, .total_failures = 100}));
}

TEST(Trip, FaultsSayWhereWhatWasExpectedAndFound) {
  const std::string atom = "expected a counter, a whole number, '!' or '(', found ";
  const std::string joint = "expected '&&', '||' or the end, found ";
  const std::string counters =
      "expected one of requests, totalSuccesses, totalFailures, consecutiveSuccesses, consecutiveFailures, "
      "found ";
  const std::map<std::string, std::string> faults{
      {"", "at character 1: " + atom + "the end"},
      {"requests >", "at character 11: " + atom + "the end"},
      {"> 3", "at character 1: " + atom + "'>'"},
      {"requests > 3 &&", "at character 16: " + atom + "the end"},
      {"requests > 3)", "at character 13: " + joint + "')'"},
      {"(requests > 3", "at character 14: expected ')' for the '(' at character 1, found the end"},
      {"()", "at character 2: " + atom + "')'"},
      {"requests 3", "at character 10: " + joint + "'3'"},
      {"requests > 3 totalFailures > 2", "at character 14: " + joint + "'totalFailures'"},
      // typing
      {"requests",
       "at character 1: expected a comparison such as 'consecutiveFailures > 5', found 'requests'"},
      {"5", "at character 1: expected a comparison such as 'consecutiveFailures > 5', found '5'"},
      {"!requests", "at character 2: expected a comparison in parentheses after '!', found 'requests'"},
      {"!requests > 3", "at character 2: expected a comparison in parentheses after '!', found 'requests'"},
      {"requests && totalFailures > 2",
       "at character 1: expected a comparison on both sides of '&&', found 'requests'"},
      {"totalFailures > 2 || 1", "at character 22: expected a comparison on both sides of '||', found '1'"},
      {"(requests > 3) == (totalFailures > 2)",
       "at character 2: expected a counter or a whole number beside '==', found a condition"},
      {"3 < !(requests > 3)",
       "at character 5: expected a counter or a whole number beside '<', found a condition"},
      {"1 < requests < 5", "at character 14: " + joint + "'<': join two comparisons with '&&'"},
      {"requests == 3 == 4", "at character 15: " + joint + "'==': join two comparisons with '&&'"},
      // names
      {"consecutiveFailure > 5",
       "at character 1: " + counters + "'consecutiveFailure': did you mean 'consecutiveFailures'?"},
      {"Requests > 5", "at character 1: " + counters + "'Requests': did you mean 'requests'?"},
      {"3 > errors", "at character 5: " + counters + "'errors'"},
      // beyond the language
      {"requests = 3", "at character 10: " + joint + "'=': did you mean '=='?"},
      {"requests > 3 & totalFailures > 2", "at character 14: " + joint + "'&': did you mean '&&'?"},
      {"requests > 3 | totalFailures > 2", "at character 14: " + joint + "'|': did you mean '||'?"},
      {"requests > 3 and totalFailures > 2", "at character 14: " + joint + "'and': did you mean '&&'?"},
      {"totalFailures * 2 > requests",
       "at character 15: " + joint + "'*': arithmetic and negative numbers are not served"},
      {"requests > -1", "at character 12: " + atom + "'-': arithmetic and negative numbers are not served"},
      {"requests > 1.5", "at character 12: expected a whole number in decimal digits, found '1.5'"},
      {"requests > 0x10", "at character 12: expected a whole number in decimal digits, found '0x10'"},
      {"requests > 5u", "at character 12: expected a whole number in decimal digits, found '5u'"},
      {"requests > 9223372036854775808",
       "at character 12: expected a whole number in decimal digits, found '9223372036854775808'"},
      {"true", "at character 1: " + counters + "'true': only whole numbers may be written out"},
      {"double(requests) > 3", "at character 1: " + counters + "'double': functions are not served"},
      {"requests in [1, 2]", "at character 10: " + joint + "'in': the operator 'in' is not served"},
      {"requests > 3 ? 1 : 2", "at character 14: " + joint + "'?': a choice with '?' and ':' is not served"},
      {"'a' == 'a'", "at character 1: " + atom + "''': text is not served"},
      {"[1] == 1", "at character 1: " + atom + "'[': lists and maps are not served"},
      {"requests.size() > 1", "at character 9: " + joint + "'.': fields and methods are not served"},
      {"requests > \xC3\xA4", "at character 12: " + atom + "'\xC3\xA4'"}};
  for (const auto& [text, fault] : faults) {
    const auto trip = Trip::parse(text);
    ASSERT_FALSE(trip) << text;
    EXPECT_EQ(trip.error().text, fault) << text;
  }
}

TEST(Trip, DepthAndLengthAreBounded) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '(') + "requests > 3" + std::string(levels, ')');
  };
  EXPECT_TRUE(Trip::parse(nested(32)));
  const auto deep = Trip::parse(nested(33));
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().text, HasSubstr("at character 33: expected at most 32 levels"));
  EXPECT_FALSE(Trip::parse(std::string(33, '!') + "(requests > 3)"));
  EXPECT_TRUE(Trip::parse("requests > 3" + std::string(988, ' ')));
  const auto longer = Trip::parse("requests > 3" + std::string(989, ' '));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().text, "expected at most 1000 characters, found 1001");
}

TEST(Trip, ACopyLivesOnAlone) {
  Trip copy;
  {
    const auto trip = Trip::parse("requests == 1");
    ASSERT_TRUE(trip);
    copy = *trip;
  }
  EXPECT_TRUE(copy.holds({.requests = 1}));
}

}  // namespace
}  // namespace cleat
