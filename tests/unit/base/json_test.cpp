#include "base/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace cleat::json {
namespace {

using Trailing = Reader::Trailing;

std::string read_error(std::string_view text, Trailing trailing = Trailing::error) {
  Reader reader;
  const auto members = reader.read_object(text, trailing);
  return members ? "no error" : members.error().text;
}

TEST(JsonReader, KeepsTheSourcesOwnCharacters) {
  Reader reader;
  const std::string text =
      R"( {"n": 123456789012345678901234567890 , "e":1e400,"o": {"z":1, "a":[ 2 ]} ,"s":"a\u00e9\n",
      "t":true,"f":false,"0":null,"n":-0.5e-3} )";
  const auto members = reader.read_object(text);
  ASSERT_TRUE(members) << members.error().text;
  const std::vector<std::tuple<std::string, Kind, std::string>> expected = {
      {"n", Kind::number, "123456789012345678901234567890"},
      {"e", Kind::number, "1e400"},
      {"o", Kind::object, R"({"z":1, "a":[ 2 ]})"},
      {"s", Kind::string, R"("a\u00e9\n")"},
      {"t", Kind::boolean, "true"},
      {"f", Kind::boolean, "false"},
      {"0", Kind::null, "null"},
      {"n", Kind::number, "-0.5e-3"}};
  ASSERT_EQ(members->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& [key, kind, raw] = expected[i];
    const Member& member = (*members)[i];
    EXPECT_EQ(member.key, key);
    EXPECT_EQ(member.value.kind, kind);
    EXPECT_EQ(member.value.raw, raw);
    EXPECT_GE(member.value.raw.data(), text.data());
    EXPECT_LT(member.value.raw.data(), text.data() + text.size());
  }
}

TEST(JsonReader, GoesIntoSlices) {
  Reader reader;
  const auto members = reader.read_object(R"({"a":[1,{"k\"\t":"\ud83d\ude00\/"},"x"],"e":[ ],"o":{ }})");
  ASSERT_TRUE(members);
  const auto elements = reader.elements((*members)[0].value);
  ASSERT_TRUE(elements);
  ASSERT_EQ(elements->size(), 3U);
  const auto inner = reader.members((*elements)[1]);
  ASSERT_TRUE(inner);
  EXPECT_EQ((*inner)[0].key, "k\"\t");
  EXPECT_EQ(*reader.text_of((*inner)[0].value), "\xF0\x9F\x98\x80/");
  EXPECT_EQ(*reader.text_of((*elements)[2]), "x");
  EXPECT_TRUE(reader.elements((*members)[1].value)->empty());
  EXPECT_TRUE(reader.members((*members)[2].value)->empty());
  EXPECT_EQ(reader.members((*elements)[0]).error().text, "expected an object, found a number");
  EXPECT_EQ(reader.elements((*elements)[2]).error().text, "expected an array, found a string");
  EXPECT_EQ(reader.text_of((*elements)[0]).error().text, "expected a string, found a number");
}

TEST(JsonReader, TakesNullForNoMembersAndNamesOtherValues) {
  Reader reader;
  EXPECT_TRUE(reader.read_object(" null ")->empty());
  EXPECT_TRUE(reader.read_object("{}")->empty());
  EXPECT_EQ(read_error("[]"), "expected an object, found an array");
  EXPECT_EQ(read_error(" 1"), "expected an object, found a number");
  EXPECT_EQ(read_error("\"x\""), "expected an object, found a string");
  EXPECT_EQ(read_error("true"), "expected an object, found a boolean");
}

TEST(JsonReader, TellsEmptyFromTruncated) {
  for (const char* text : {"", " ", "\r\n\t "})
    EXPECT_EQ(read_error(text), "EOF") << text;
  const std::string whole = R"({"a":[1.5e3,"x\u00e9\n"],"b":{"c":true,"d":null}})";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(read_error(whole.substr(0, size)), "unexpected EOF") << whole.substr(0, size);
  }
  EXPECT_EQ(read_error(whole), "no error");
}

TEST(JsonReader, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    const char* error;
  };
  for (
      const Case& c : {
          Case{R"({"a" 1})", "invalid character '1' at byte 6, expected ':' after the member's name"},
          Case{R"({"a":1,})", "invalid character '}' at byte 8, expected a member's name in double quotes"},
          Case{R"({a:1})", "invalid character 'a' at byte 2, expected a member's name in double quotes"},
          Case{R"({"a":})", "invalid character '}' at byte 6, expected a value"},
          Case{R"({"a":'x'})", "invalid character ''' at byte 6, expected a value"},
          Case{R"({"a":[1,]})", "invalid character ']' at byte 9, expected a value"},
          Case{R"({"a":[1 2]})",
               "invalid character '2' at byte 9, expected ',' or ']' after the array's element"},
          Case{R"({"a":1 "b":2})",
               "invalid character '\"' at byte 8, expected ',' or '}' after the member's value"},
          Case{R"({"a":[1}})",
               "invalid character '}' at byte 8, expected ',' or ']' after the array's element"},
          Case{R"({"a":tru})", "invalid character '}' at byte 9, expected true"},
          Case{R"({"a":nul1})", "invalid character '1' at byte 9, expected null"},
          Case{R"({"a":trues})", "invalid character 's' at byte 10, expected the end of true"},
          Case{R"({"a":NaN})", "invalid character 'N' at byte 6, expected a value"},
          Case{R"({"a":01})", "invalid character '1' at byte 7, expected the end of the number"},
          Case{R"({"a":1.})", "invalid character '}' at byte 8, expected a digit"},
          Case{R"({"a":-})", "invalid character '}' at byte 7, expected a digit"},
          Case{R"({"a":1e+})", "invalid character '}' at byte 9, expected a digit"},
          Case{R"({"a":+1})", "invalid character '+' at byte 6, expected a value"},
          Case{R"({"a":.5})", "invalid character '.' at byte 6, expected a value"},
          Case{R"({"a":1"x"})", "invalid character '\"' at byte 7, expected the end of the number"},
          Case{R"({"a":"x"y})",
               "invalid character 'y' at byte 9, expected ',' or '}' after the member's value"},
          Case{
              R"({"a":"\x"})",
              R"(invalid character '\' at byte 7, expected an escape such as \" \\ \/ \b \f \n \r \t or \u0000)"},
          Case{
              R"({"\u12g4":1})",
              R"(invalid character '\' at byte 3, expected an escape such as \" \\ \/ \b \f \n \r \t or \u0000)"},
          Case{"{\"a\":\"x\ny\"}",
               "invalid character 0x0a at byte 8, expected no control character in a string"},
          Case{"{\"a\":\"\xC3(\"}", "invalid character 0xc3 at byte 7, expected valid UTF-8"},
          Case{"{\"a\":\"\xED\xA0\x80\"}", "invalid character 0xed at byte 7, expected valid UTF-8"},
          Case{"\xEF\xBB\xBF{}", "invalid character '\xEF\xBB\xBF' at byte 1, expected a value"},
          Case{"{\"a\":1}\x01", "invalid character 0x01 at byte 8, expected nothing after the value"},
          Case{"{\"a\":1,\x0c\"b\":2}",
               "invalid character 0x0c at byte 8, expected a member's name in double quotes"},
          Case{R"({"a":1} {{{)", "invalid character '{' at byte 9, expected nothing after the value"},
          Case{R"({} ,)", "invalid character ',' at byte 4, expected nothing after the value"},
          Case{"}", "invalid character '}' at byte 1, expected a value"},
      }) {
    EXPECT_EQ(read_error(c.text), c.error) << c.text;
  }
  EXPECT_NE(read_error(std::string("{\"a\":1}\0", 8)), "no error");
  EXPECT_NE(read_error(std::string("{\"a\":\"\0\"}", 9)), "no error");
}

TEST(JsonReader, IgnoresWhatFollowsOnlyWhenAsked) {
  for (const std::string& rest :
       {std::string(" {{{"), std::string("\x01"), std::string("}"), std::string("\""), std::string("\xFF"),
        std::string("x"), std::string(",{"), std::string(1, '\0')}) {
    EXPECT_NE(read_error(R"({"a":"}\"]"})" + rest), "no error") << rest;
    EXPECT_EQ(read_error(R"({"a":"}\"]"})" + rest, Trailing::ignore), "no error") << rest;
  }
  EXPECT_EQ(read_error(" null [", Trailing::ignore), "no error");
  EXPECT_EQ(read_error("[] {", Trailing::ignore), "expected an object, found an array");
  EXPECT_EQ(read_error("", Trailing::ignore), "EOF");
  EXPECT_EQ(read_error(R"({"a":1)", Trailing::ignore), "unexpected EOF");
  EXPECT_EQ(read_error(R"({"a":")", Trailing::ignore), "unexpected EOF");
  EXPECT_NE(read_error(R"({"a":]} x)", Trailing::ignore), "no error");
}

TEST(JsonReader, BoundsTheDepth) {
  const auto nested = [](std::size_t levels) {
    return R"({"a":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_EQ(read_error(nested(1000)), "no error");
  EXPECT_EQ(read_error(nested(1001)), "the value at byte 1005 is nested deeper than 1000 levels");
  EXPECT_EQ(read_error(std::string(1 << 20, '[')),
            "the value at byte 1001 is nested deeper than 1000 levels");
  EXPECT_FALSE(parse(nested(1001)));
}

TEST(JsonReader, ReadsLargeTextsBetweenSmallOnes) {
  Reader reader;
  const std::string large = R"({"a":")" + std::string(3 << 20, 'x') + R"(","b":1})";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reader.read_object(large)->at(0).value.raw.size(), (3U << 20) + 2);
    EXPECT_EQ(reader.read_object(R"({"b":1})")->at(0).value.raw, "1");
    EXPECT_FALSE(reader.read_object(large + "x"));
  }
}

TEST(JsonReader, AcceptsHalfASurrogatePair) {
  Reader reader;
  const auto members = reader.read_object(R"({"a":"\ud800","b":"\udc00\ud800\u0041","c":"\uD83Dx"})");
  ASSERT_TRUE(members) << members.error().text;
  EXPECT_EQ(*reader.text_of((*members)[0].value), "\xEF\xBF\xBD");
  EXPECT_EQ(*reader.text_of((*members)[1].value),
            "\xEF\xBF\xBD\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(*reader.text_of((*members)[2].value), "\xEF\xBF\xBDx");
}

TEST(JsonWriter, MinifiesWithoutTouchingStrings) {
  std::string out = "before:";
  append_minified(out, "{ \"a b\" : [ 1 ,\t2e400 ],\r\n\"c\\\" \": \" x \" }");
  EXPECT_EQ(out, "before:{\"a b\":[1,2e400],\"c\\\" \":\" x \"}");
  for (std::size_t size = 0; size < 300; ++size) {
    std::string minified;
    append_minified(minified, "[ \"" + std::string(size, ' ') + "\" ]");
    EXPECT_EQ(minified, "[\"" + std::string(size, ' ') + "\"]");
  }
  std::string nothing;
  append_minified(nothing, "");
  EXPECT_EQ(nothing, "");
}

TEST(JsonWriter, QuotesAnyBytes) {
  EXPECT_EQ(json::quoted(""), "\"\"");
  EXPECT_EQ(json::quoted(std::string("a\"\\/\b\f\n\r\t\x01\x1f\0", 12)),
            R"("a\"\\/\b\f\n\r\t\u0001\u001f\u0000")");
  EXPECT_EQ(json::quoted("\xC3\xA9 \xF0\x9F\x98\x80"), "\"\xC3\xA9 \xF0\x9F\x98\x80\"");
  EXPECT_EQ(json::quoted("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(json::quoted("\xED\xA0\x80x"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\"");
  std::string every;
  for (int byte = 0; byte < 256; ++byte)
    every.push_back(static_cast<char>(byte));
  EXPECT_TRUE(parse(json::quoted(every)));
}

TEST(JsonWriter, QuotesEveryByteAtEveryPlaceOfAText) {
  for (int byte = 0; byte < 128; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    const std::string escaped = json::quoted(one).substr(1, json::quoted(one).size() - 2);
    EXPECT_EQ(escaped == one, byte >= 0x20 && byte != '"' && byte != '\\') << byte;
    for (std::size_t at = 0; at < 20; ++at) {
      const std::string before(at, 'a'), after(19 - at, '~');
      EXPECT_EQ(json::quoted(before + one + after), '"' + before + escaped + after + '"')
          << byte << " " << at;
    }
  }
}

TEST(JsonParse, BuildsTheTree) {
  const auto value = parse(R"({"s":"\u00e9","n":1e400,"b":true,"z":null,"l":[1,[],{"x":"y"}],"s":"last"})");
  ASSERT_TRUE(value) << value.error().text;
  EXPECT_EQ(value->members.size(), 6U);
  EXPECT_EQ(value->members[0].value.text, "\xC3\xA9");
  EXPECT_EQ(value->find("s")->text, "last");
  EXPECT_EQ(value->find("n")->text, "1e400");
  EXPECT_EQ(value->find("b")->text, "true");
  EXPECT_TRUE(value->find("z")->is(Kind::null));
  ASSERT_EQ(value->find("l")->items.size(), 3U);
  EXPECT_EQ(value->find("l")->items[2].find("x")->text, "y");
  EXPECT_EQ(value->find("none"), nullptr);
  EXPECT_EQ(parse(R"("x")")->text, "x");
  EXPECT_EQ(parse("[1,\n 2 3]").error().text,
            "invalid character '3' at byte 8, expected ',' or ']' after the array's element");
  EXPECT_EQ(parse(" ").error().text, "EOF");
}

}  // namespace
}  // namespace cleat::json
