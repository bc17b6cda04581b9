#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "common/json_array.hpp"

namespace cleat::common {
namespace {

using Kind = JsonElement::Kind;

TEST(JsonArray, ReadsEachKind) {
  const auto found = parse_json_array(R"( [1, -2.50e+3, "a\"\u00fc", true, null, {"a": [1, "]"]}, []] )");
  ASSERT_EQ(found.size(), 7U);
  EXPECT_EQ(found[0].value, "1");
  EXPECT_EQ(found[1].value, "-2.50e+3");
  EXPECT_EQ(found[2].value, "a\"\xC3\xBC");
  EXPECT_EQ(found[2].kind, Kind::text);
  EXPECT_EQ(found[3].kind, Kind::boolean);
  EXPECT_EQ(found[4].kind, Kind::null);
  EXPECT_EQ(found[5].value, R"({"a": [1, "]"]})");
  EXPECT_EQ(found[6].value, "[]");
  EXPECT_TRUE(parse_json_array("[]").empty());
}

TEST(JsonArray, KeepsDigits) {
  EXPECT_EQ(parse_json_array("[12345678901234567890.10]")[0].value, "12345678901234567890.10");
}

TEST(JsonArray, RefusesWhatIsNoJson) {
  for (const char* text :
       {"",         "[",         "[1",        "[1,]",    "[,1]",         "1",     "{}",         "[1] x",
        "[01]",     "[1.]",      "[.5]",      "[+1]",    "[1e]",         "[nul]", "['a']",      "[\"a]",
        "[\"\n\"]", "[\"\\x\"]", "[{\"a\"}]", "[{1:2}]", "[{\"a\":1,}]", "[NaN]", "[\"\\u12\"]"})
    EXPECT_THROW(parse_json_array(text), std::invalid_argument) << text;
}

TEST(JsonArray, IsBoundedInDepth) {
  EXPECT_EQ(parse_json_array(std::string(60, '[') + std::string(60, ']')).size(), 1U);
  EXPECT_THROW(parse_json_array(std::string(100'000, '[')), std::invalid_argument);
}

TEST(JsonArray, SaysWhere) {
  try {
    parse_json_array("[1, x]");
    ADD_FAILURE();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "expected a value at character 5, found 'x'");
  }
}

}  // namespace
}  // namespace cleat::common
