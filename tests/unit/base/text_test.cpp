#include "base/text.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/loop.hpp"

namespace cleat {
namespace {

TEST(Text, ComparesAndTrims) {
  EXPECT_EQ(to_lower("AbC-1"), "abc-1");
  EXPECT_TRUE(iequals("Brokers", "bROKERS"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Text, KnowsPrintableAsciiAtEveryPlaceOfEveryLength) {
  for (std::size_t length = 0; length < 26; ++length) {
    std::string text(length, '~');
    EXPECT_TRUE(is_printable_ascii(text)) << length;
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(is_printable_ascii(text), byte >= 0x20 && byte <= 0x7E)
            << length << " " << at << " " << byte;
      }
      text[at] = ' ';
    }
    EXPECT_TRUE(is_printable_ascii(text)) << length;
  }
}

TEST(Text, SplitsLists) {
  EXPECT_EQ(split_list("a, b,,c "), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(split_list(" , "), std::vector<std::string>{});
  EXPECT_EQ(split_list("x;y", ';'), (std::vector<std::string>{"x", "y"}));
}

TEST(Text, KnowsDaprsTruthyWords) {
  for (const char* word : {"y", "YES", " true ", "T", "on", "1"})
    EXPECT_TRUE(is_truthy(word)) << word;
  for (const char* word : {"", "no", "false", "0", "2", "enabled", "tru"})
    EXPECT_FALSE(is_truthy(word)) << word;
}

TEST(Text, ParsesWholeIntegersOnly) {
  EXPECT_EQ(parse_integer("42"), 42);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", "+", "-", "+-1", "1 ", " 1", "1.0", "0x1", "9223372036854775808"}) {
    EXPECT_FALSE(parse_integer(text)) << text;
  }
}

TEST(Text, ParsesDurations) {
  struct Case {
    const char* text;
    std::int64_t ns;
  };
  constexpr auto kS = static_cast<std::int64_t>(kSecond);
  for (const Case& c :
       {Case{"0", 0}, Case{"-0", 0}, Case{"250ms", 250'000'000}, Case{"1.5s", 1'500'000'000},
        Case{".5s", 500'000'000}, Case{"1.s", kS}, Case{"-3s", -3 * kS}, Case{"+3s", 3 * kS},
        Case{"1h2m", 3720 * kS}, Case{"1h15m30.918273645s", 4530 * kS + 918'273'645}, Case{"7us", 7'000},
        Case{"7\xC2\xB5s", 7'000}, Case{"7\xCE\xBCs", 7'000}, Case{"9ns", 9}, Case{"0.9ns", 0},
        Case{" 5 ", 5 * kS}, Case{"-5", -5 * kS}, Case{"1.000000000000000000000000000000000s", kS},
        Case{"2562047h", 2562047LL * 3600 * kS}}) {
    const auto parsed = parse_duration(c.text, kS);
    ASSERT_TRUE(parsed) << c.text << ": " << parsed.error().text;
    EXPECT_EQ(*parsed, c.ns) << c.text;
  }
}

TEST(Text, RefusesBadDurationsInWords) {
  for (const char* text : {"", " ", "-", "s", ".s", "1x", "1.5", "1 s", "3000000h", "1h-1m", "--1s", "1e3s",
                           "S", "99999999999999999999"}) {
    EXPECT_FALSE(parse_duration(text, 1)) << text;
  }
  EXPECT_EQ(parse_duration("soon", static_cast<std::int64_t>(kSecond)).error().text,
            "expected a duration such as 250ms, 1.5s or 1h30m, or a whole number of 1s, found \"soon\"");
  EXPECT_EQ(parse_duration("5", 0).error().text,
            "expected a duration such as 250ms, 1.5s or 1h30m, found \"5\"");
}

TEST(Text, ParsesQuantities) {
  struct Case {
    const char* text;
    std::int64_t bytes;
  };
  for (const Case& c :
       {Case{"512", 512}, Case{"4Mi", 4 << 20}, Case{"4k", 4000}, Case{"1.5Gi", 3LL << 29}, Case{"0", 0},
        Case{"-1", -1}, Case{"+2Ki", 2048}, Case{"1e6", 1'000'000}, Case{"1E3", 1000}, Case{"25e-1", 3},
        Case{"1E", 1'000'000'000'000'000'000}, Case{"100m", 1}, Case{"1500m", 2}, Case{"-1500m", -2},
        Case{".5Ki", 512}, Case{"1.Ki", 1024}, Case{" 4Ki ", 4096},
        Case{"9223372036854775807", std::numeric_limits<std::int64_t>::max()}}) {
    const auto parsed = parse_quantity(c.text);
    ASSERT_TRUE(parsed) << c.text << ": " << parsed.error().text;
    EXPECT_EQ(*parsed, c.bytes) << c.text;
  }
}

TEST(Text, RefusesBadQuantitiesInWords) {
  for (const char* text : {"", "Mi", "4MB", "4 Mi", "4mi", "4KI", "1e", "1e1.5", "8Ei", "9223372036854775808",
                           "0x10", "1e999", "--1", "."}) {
    EXPECT_FALSE(parse_quantity(text)) << text;
  }
  EXPECT_EQ(parse_quantity("4MB").error().text,
            "expected a size such as 512, 4Mi, 1.5Gi or 100k, found \"4MB\"");
}

TEST(Text, FormatsDurationsAsGoDoes) {
  struct Case {
    std::uint64_t ns;
    const char* text;
  };
  for (const Case& c :
       {Case{0, "0s"}, Case{7, "7ns"}, Case{1'500, "1.5\xC2\xB5s"}, Case{250 * kMillisecond, "250ms"},
        Case{1'500 * kMillisecond, "1.5s"}, Case{120 * kSecond, "2m0s"}, Case{3600 * kSecond, "1h0m0s"},
        Case{3661 * kSecond + 1, "1h1m1.000000001s"}, Case{60 * kSecond - 1, "59.999999999s"}}) {
    EXPECT_EQ(format_duration(c.ns), c.text);
    EXPECT_EQ(*parse_duration(c.text, 0), static_cast<std::int64_t>(c.ns)) << c.text;
  }
}

TEST(Text, FormatsWallClock) {
  EXPECT_EQ(format_wall_ns(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_wall_ns(1'709'210'096'789'999'999), "2024-02-29T12:34:56.789Z");
  EXPECT_GT(wall_now_ns(), 1'700'000'000'000'000'000U);
}

}  // namespace
}  // namespace cleat
