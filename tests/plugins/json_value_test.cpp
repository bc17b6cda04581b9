#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "common/json_value.hpp"

namespace cleat::common {
namespace {

using Kind = JsonValue::Kind;

std::string complaint(std::string_view text, JsonBounds bounds = {}) {
  try {
    parse_json(text, bounds);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(JsonValue, ReadsEachKind) {
  const std::string text = R"( [1, -2.50e+3, "a\"\u00fc\ud83d\ude00", true, null, {"a" : [1, "]"]}, [ ]] )";
  const JsonValue found = parse_json(text);
  ASSERT_EQ(found.kind, Kind::array);
  ASSERT_EQ(found.items.size(), 7U);
  EXPECT_EQ(found.items[0].raw, "1");
  EXPECT_EQ(found.items[1].raw, "-2.50e+3");
  EXPECT_EQ(found.items[2].text, "a\"\xC3\xBC\xF0\x9F\x98\x80");
  EXPECT_EQ(found.items[2].kind, Kind::text);
  EXPECT_EQ(found.items[3].kind, Kind::boolean);
  EXPECT_EQ(found.items[3].raw, "true");
  EXPECT_EQ(found.items[4].kind, Kind::null);
  EXPECT_EQ(found.items[5].raw, R"({"a" : [1, "]"]})");
  EXPECT_EQ(found.items[5].find("a")->items[1].text, "]");
  EXPECT_EQ(found.items[6].raw, "[ ]");
  EXPECT_TRUE(parse_json("[]").items.empty());
  EXPECT_EQ(parse_json(" 7 ").raw, "7");
}

TEST(JsonValue, KeepsDigits) {
  EXPECT_EQ(parse_json("12345678901234567890.10").raw, "12345678901234567890.10");
  EXPECT_EQ(parse_json("-0.0E-999").raw, "-0.0E-999");
}

TEST(JsonValue, KeepsMembersInTheirOrder) {
  const std::string text = R"({"b": 1, "a": 2, "b": 3})";
  const JsonValue found = parse_json(text);
  ASSERT_EQ(found.members.size(), 3U);
  EXPECT_EQ(found.members[0].name, "b");
  EXPECT_EQ(found.members[1].name, "a");
  EXPECT_EQ(found.find("b")->raw, "3");
  EXPECT_EQ(found.find("c"), nullptr);
}

TEST(JsonValue, FindsMembersInAnyCaseAsGoDoes) {
  const std::string text = R"({"Prefix": "a", "PREFIX": "b", "prefix": null, "none": null})";
  const JsonValue found = parse_json(text);
  EXPECT_EQ(found.find_in_any_case("prefix")->text, "b");
  EXPECT_EQ(found.find_in_any_case("none"), nullptr);
  EXPECT_EQ(found.find_in_any_case("other"), nullptr);
}

TEST(JsonValue, RefusesWhatIsNoJson) {
  for (const char* text : {"",
                           " ",
                           "[",
                           "[1",
                           "[1,]",
                           "[,1]",
                           "{} x",
                           "[1] x",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[+1]",
                           "[1e]",
                           "[nul]",
                           "['a']",
                           "[\"a]",
                           "[\"\n\"]",
                           "[\"\\x\"]",
                           "[1 2]",
                           "[{\"a\"}]",
                           "[{1:2}]",
                           "[NaN]",
                           "{\"a\":",
                           "{\"a\":1,}",
                           "[\"\\u12\"]",
                           "-",
                           "[\"\\",
                           "\"\xFF\"",
                           "\"\xC0\x80\"",
                           "\"\xED\xA0\x80\"",
                           "\"\xE2\x82\"",
                           "\"\xF4\x90\x80\x80\"",
                           "\xEF\xBB\xBF[]"})
    EXPECT_NE(complaint(text), "none") << text;
  EXPECT_NE(complaint(std::string_view("[1]\0", 4)), "none");
}

TEST(JsonValue, IsBounded) {
  EXPECT_EQ(complaint(std::string(64, '[') + std::string(64, ']')), "none");
  EXPECT_EQ(complaint(std::string(100'000, '[')), "expected no more than 64 levels at byte 65, found '['");
  EXPECT_EQ(complaint("[1,2,3]", {1, 4}), "none");
  EXPECT_EQ(complaint("[1,2,3]", {1, 3}), "expected no more than 3 values at byte 6, found '3'");
}

TEST(JsonValue, SaysWhere) {
  EXPECT_EQ(complaint("[1, x]"), "expected a value at byte 5, found 'x'");
  EXPECT_EQ(complaint("[1"), "expected ',' or ']' at byte 3, found the end");
  EXPECT_EQ(complaint("{\"a\": 1; "), "expected ',' or '}' at byte 8, found ';'");
  EXPECT_EQ(complaint("[\"a\tb\"]"), "expected the end of a string at byte 4, found 0x09");
  EXPECT_EQ(complaint("[\xFF]"), "expected UTF-8 at byte 2, found 0xFF");
}

}  // namespace
}  // namespace cleat::common
