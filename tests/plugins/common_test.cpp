#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/back_off.hpp"
#include "common/base64.hpp"
#include "common/health_board.hpp"
#include "common/json_text.hpp"
#include "common/lanes.hpp"
#include "common/text.hpp"
#include "common/ttl.hpp"
#include "common/unquote.hpp"
#include "common/url.hpp"
#include "common/uuid.hpp"
#include "plugins/fake_table.hpp"

namespace cleat::common {
namespace {

using namespace std::chrono_literals;
using testing::MapOf;
using testing::Pairs;

TEST(Text, SplitsAndTrimsAndLeavesOutWhatIsEmpty) {
  EXPECT_EQ(split_list(" a:1 ,,b , "), (std::vector<std::string_view>{"a:1", "b"}));
  EXPECT_TRUE(split_list("").empty());
  EXPECT_EQ(split_list("one"), std::vector<std::string_view>{"one"});
}

TEST(Text, ComparesWithoutCase) {
  EXPECT_TRUE(equal_ignoring_case("QuOrUm", "qUoRuM"));
  EXPECT_FALSE(equal_ignoring_case("quorum", "quoru"));
  EXPECT_EQ(lower("ABC\xC3\x84z"), "abc\xC3\x84z");
}

TEST(Text, TakesDaprsWordsForTrue) {
  for (const char* word : {"y", "YES", " true ", "T", "on", "1"})
    EXPECT_TRUE(is_true(word)) << word;
  for (const char* word : {"", "no", "false", "2", "truth"})
    EXPECT_FALSE(is_true(word)) << word;
}

TEST(Url, KeepsWhatNeedsNoEscape) {
  EXPECT_EQ(url_encoded("a-._~Z9 /\xc3\xa4?"), "a-._~Z9%20%2F%C3%A4%3F");
  EXPECT_EQ(encoded_path("a b/c/", true), "a%20b/c/");
  EXPECT_EQ(encoded_path("a b/c/", false), "a%20b%2Fc%2F");
}

TEST(Uuid, IsOfVersion4AndNeverTheSame) {
  const std::string one = random_uuid();
  EXPECT_EQ(one.size(), 36U);
  EXPECT_EQ(one[14], '4');
  EXPECT_NE(std::string("89ab").find(one[19]), std::string::npos);
  EXPECT_NE(one, random_uuid());
}

TEST(Base64, GoesBothWaysAtEachLength) {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
  std::string all;
  for (int i = 0; i < 256; ++i)
    all.push_back(static_cast<char>(i));
  EXPECT_EQ(from_base64(base64(all)), all);
}

TEST(Base64, SkipsLineEndsAndRefusesTheRest) {
  EXPECT_EQ(from_base64("Zm9v\r\nYg==\n"), "foob");
  for (const char* wrong :
       {"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Zg==Zg==", "Zm9v!", "Zm 9v", "Z===", "Zm-_", "===="})
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
}

TEST(JsonText, EscapesAndReplacesWhatIsNoUtf8) {
  EXPECT_EQ(json_string("a\"b\\c\n\t\x01"), "\"a\\\"b\\\\c\\n\\t\\u0001\"");
  EXPECT_EQ(json_string("gr\xC3\xBC\xC3\x9F \xF0\x9F\x90\x98"), "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x90\x98\"");
  // a lone continuation, an overlong slash, half of a surrogate pair, a cut sequence
  for (const char* wrong : {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xE2\x82", "\xF5\x80\x80\x80"}) {
    const std::string out = json_string(wrong);
    EXPECT_NE(out.find("\xEF\xBF\xBD"), std::string::npos) << out;
    EXPECT_EQ(out.find(wrong), std::string::npos) << out;
  }
}

TEST(Unquote, TakesJsonStringsOnly) {
  EXPECT_EQ(unquoted("\"a\\u00fc\\n\\ud83d\\udc18\\/\""), "a\xC3\xBC\n\xF0\x9F\x90\x98/");
  EXPECT_EQ(unquoted("\"\""), "");
  EXPECT_EQ(unquoted("\"\\ud83d\""), "\xEF\xBF\xBD");
  for (const char* other : {"", "\"", "plain", "'a'", "`a`", "\"a\"b\"", "\"\\x41\"", "\"a\\\"", "{\"a\":1}",
                            "\"a\nb\"", "\"\\u12\""})
    EXPECT_EQ(unquoted(other), std::nullopt) << other;
}

TEST(Unquote, ReadsGoLiteralsAsGoDoes) {
  EXPECT_EQ(go_unquoted("\"\\x41\\101\\a\\U0001F418\""), "AA\a\xF0\x9F\x90\x98");
  EXPECT_EQ(go_unquoted("`raw\\n\r`"), "raw\\n");
  EXPECT_EQ(go_unquoted("'a'"), "a");
  EXPECT_EQ(go_unquoted("'\\''"), "'");
  EXPECT_EQ(go_unquoted("'\xC3\xBC'"), "\xC3\xBC");
  for (const char* wrong :
       {"", "'", "'ab'", "''", "\"a", "`a`b`", "\"\\'\"", "\"\\ud800\"", "\"\\400\"", "\"\\/\"", "plain"})
    EXPECT_EQ(go_unquoted(wrong), std::nullopt) << wrong;
}

TEST(Ttl, ReadsDurationsAndSeconds) {
  EXPECT_EQ(parse_ttl("5"), 5s);
  EXPECT_EQ(parse_ttl("1m30s"), 90s);
  EXPECT_EQ(parse_ttl("1.5h"), 90min);
  EXPECT_EQ(parse_ttl("250ms"), 250ms);
  EXPECT_EQ(parse_ttl("-3s"), 0s);
  EXPECT_EQ(parse_ttl("9999999999999"), std::chrono::nanoseconds::max());
  EXPECT_EQ(parse_ttl("99999999999999999999999"), std::chrono::nanoseconds::max());
}

TEST(Ttl, SaysWhatIsWrong) {
  for (const char* text : {"x", "1d", "1.5", "infs", "nans", "1e3s", "s", "1h-1m", "--1s"}) {
    try {
      parse_ttl(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.status, CLEAT_INVALID);
      EXPECT_EQ(error.what(), "ttl value must be a valid integer: actual is '" + std::string(text) + "'");
    }
  }
  for (const char* text : {"0", "-1", "+0"}) {
    try {
      parse_ttl(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "ttl value must be higher than zero: actual is '" + std::string(text) + "'");
    }
  }
}

template <class F>
auto with_metadata(const Pairs& pairs, F&& use) {
  const MapOf map(pairs);
  cleat_request raw{};
  raw.struct_size = sizeof raw;
  raw.metadata = map.map();
  return use(Request(raw));
}

TEST(Ttl, PrefersTtlToTtlInSeconds) {
  EXPECT_EQ(with_metadata({{"ttlInSeconds", "7"}, {"TTL", "2s"}}, ttl_of), 2s);
  EXPECT_EQ(with_metadata({{"ttlInSeconds", "7"}, {"ttl", ""}}, ttl_of), 7s);
  EXPECT_EQ(with_metadata({{"other", "7"}}, ttl_of), std::nullopt);
}

TEST(Priority, IsTakenToTheNearerEnd) {
  EXPECT_EQ(with_metadata({{"priority", "9"}}, priority_of), 9);
  EXPECT_EQ(with_metadata({{"priority", "256"}}, priority_of), 255);
  EXPECT_EQ(with_metadata({{"priority", "-4"}}, priority_of), 0);
  EXPECT_EQ(with_metadata({}, priority_of), std::nullopt);
  EXPECT_THROW(with_metadata({{"priority", "high"}}, priority_of), Error);
}

TEST(BackOff, DoublesUpToItsMostAndIsHalfByChance) {
  BackOff back_off(100ms, 350ms);
  for (const auto whole : {100ms, 200ms, 350ms, 350ms}) {
    const auto wait = back_off.next();
    EXPECT_GE(wait, whole / 2);
    EXPECT_LE(wait, whole);
  }
  back_off.reset();
  EXPECT_LE(back_off.next(), 100ms);
}

TEST(HealthBoard, LogsEachWayToSayAStateOnceWhileItLasts) {
  testing::FakeHost host;
  HealthBoard board(Host(host.table()), {{"client", "connected again"}});
  const auto count = [&](const std::string& what) {
    const auto lines = host.log();
    return std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.message == what; });
  };
  board.set(0, CLEAT_HEALTH_UP, "");
  for (int i = 0; i < 50; ++i) {
    board.set(0, CLEAT_HEALTH_DOWN, "reset");
    board.set(0, CLEAT_HEALTH_DOWN, "refused");
    EXPECT_EQ(host.health().second, "refused");
  }
  EXPECT_EQ(count("reset"), 1);
  EXPECT_EQ(count("refused"), 1);
  board.set(0, CLEAT_HEALTH_DOWN, "the password is wrong");
  EXPECT_EQ(count("the password is wrong"), 1);
  for (int i = 0; i < 50; ++i)
    board.set(0, CLEAT_HEALTH_DOWN, "attempt " + std::to_string(i));
  EXPECT_LE(host.log().size(), 16U);
  board.set(0, CLEAT_HEALTH_UP, "");
  EXPECT_EQ(count("connected again"), 1);
  board.set(0, CLEAT_HEALTH_DOWN, "reset");
  EXPECT_EQ(count("reset"), 2);
}

TEST(Lanes, GoOnUnderANewNumberWhenSomethingIsGivenBack) {
  Lanes lanes;
  EXPECT_EQ(lanes.of(""), 0U);
  const std::uint64_t first = lanes.of("a");
  lanes.went_out("a", first);
  lanes.went_out("a", first);
  EXPECT_EQ(lanes.of("a"), first);
  EXPECT_EQ(lanes.out(first), 2U);
  const std::uint64_t other = lanes.of("b");
  EXPECT_NE(other, first);
  lanes.went_out("b", other);
  EXPECT_EQ(lanes.close(first, 5), "a");
  EXPECT_EQ(lanes.close(first, 9), std::nullopt);
  EXPECT_EQ(lanes.delay(first), 5U);
  EXPECT_EQ(lanes.delay(other), std::nullopt);
  EXPECT_GT(lanes.of("a"), other);
  lanes.came_back(first);
  lanes.came_back(first);
  EXPECT_EQ(lanes.delay(first), std::nullopt);
  lanes.came_back(other);
  EXPECT_GT(lanes.of("b"), other);  // empty in between
  EXPECT_EQ(lanes.close(0, 1), std::nullopt);
}

TEST(Turns, LetAGroupWaitAndNoOther) {
  Lanes lanes;
  const std::uint64_t lane = lanes.of("full");
  lanes.went_out("full", lane);
  Turns turns(lanes, 1);
  EXPECT_EQ(turns.lane_of(""), 0U);
  EXPECT_EQ(turns.lane_of("full"), std::nullopt);
  EXPECT_NE(turns.lane_of("other"), std::nullopt);
  turns.hold_up("other");
  EXPECT_EQ(turns.lane_of("other"), std::nullopt);
  turns.hold_up("");
  EXPECT_EQ(turns.lane_of(""), 0U);
  lanes.came_back(lane);
  EXPECT_EQ(turns.lane_of("full"), std::nullopt) << "what came first goes first";
  EXPECT_EQ(Turns(lanes, 0).lane_of("full"), lanes.of("full"));
}

}  // namespace
}  // namespace cleat::common
