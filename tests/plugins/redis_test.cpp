#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "cluster_slots.hpp"
#include "commands.hpp"
#include "plugins/redis_fixture.hpp"
#include "redis_config.hpp"
#include "stream_entry.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;
using testing::MapOf;
using testing::Pairs;

// The values are those of CLUSTER KEYSLOT.
TEST(Slot, IsWhatRedisSays) {
  EXPECT_EQ(slot_of("123456789"), 12739);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of(""), 0);
}

TEST(Slot, CountsWhatStandsBetweenTheFirstBraces) {
  EXPECT_EQ(slot_of("{foo}.a"), slot_of("foo"));
  EXPECT_EQ(slot_of("a{foo}b{bar}"), slot_of("foo"));
  EXPECT_EQ(slot_of("a{{foo}}"), slot_of("{foo"));
  EXPECT_NE(slot_of("{}foo"), slot_of("foo"));
  EXPECT_NE(slot_of("{}{foo}"), slot_of("foo"));
  EXPECT_NE(slot_of("{foo"), slot_of("foo"));
  EXPECT_NE(slot_of("}foo{"), slot_of("foo"));
}

TEST(Redirect, SaysWhereTo) {
  const auto moved = parse_redirect("MOVED 3999 127.0.0.1:6381", "asked");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->is_ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to, (Endpoint{"127.0.0.1", 6381}));
  EXPECT_TRUE(parse_redirect("ASK 1 h:2", "asked")->is_ask);
  EXPECT_EQ(parse_redirect("MOVED 0 ::1:7000", "asked")->to, (Endpoint{"::1", 7000}));
  EXPECT_EQ(parse_redirect("MOVED 0 :7000", "asked")->to, (Endpoint{"asked", 7000}));
}

TEST(Redirect, IsNothingElse) {
  for (const char* text : {"", "MOVED", "MOVED 1", "MOVED 1 host", "MOVED x h:1", "MOVED 16384 h:1",
                           "MOVED 1 h:0", "MOVED 1 h:65536", "MOVED 1 h:", "ERR MOVED 1 h:1", "ASKED 1 h:1"})
    EXPECT_FALSE(parse_redirect(text, "asked")) << text;
}

Encoded encoded(const std::string& operation, const Pairs& metadata, const std::string& data = {}) {
  const MapOf map(metadata);
  cleat_request raw{};
  raw.struct_size = sizeof raw;
  raw.operation = str(operation);
  raw.metadata = map.map();
  raw.data = data.data();
  raw.data_len = data.size();
  return encode_operation(Request(raw));
}

Error refusal(const std::string& operation, const Pairs& metadata) {
  try {
    encoded(operation, metadata);
  } catch (const Error& error) {
    return error;
  }
  return {CLEAT_OK, "it was not refused"};
}

TEST(Commands, AreBytes) {
  const std::string data("a\0\r\n$", 5);
  EXPECT_EQ(encoded("create", {{"key", "k"}}, data).wire,
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\n" + data + "\r\n");
  EXPECT_EQ(encoded("create", {{"key", "k"}}).wire, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
  EXPECT_EQ(encoded("delete", {{"key", "k"}}).wire, "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n");
}

TEST(Commands, SetTheTimeToLiveWithTheValue) {
  const auto milliseconds = [](const std::string& ttl) {
    const std::string wire = encoded("create", {{"key", "k"}, {"ttl", ttl}}, "v").wire;
    const std::size_t px = wire.find("$2\r\nPX\r\n");
    EXPECT_NE(px, std::string::npos) << wire;
    const std::size_t from = wire.find("\r\n", px + 8) + 2;
    return wire.substr(from, wire.size() - from - 2);
  };
  EXPECT_EQ(milliseconds("2"), "2000");
  EXPECT_EQ(milliseconds("1m30s"), "90000");
  EXPECT_EQ(milliseconds("1500us"), "2") << "rounded up";
  EXPECT_EQ(milliseconds("1ns"), "1") << "short is not at once";
  EXPECT_EQ(milliseconds("9223372036"), "9000000000000") << "what the server can hold";
}

TEST(Commands, KnowWhetherTheyMayBeRepeated) {
  EXPECT_TRUE(encoded("create", {{"key", "k"}}).repeatable);
  EXPECT_TRUE(encoded("delete", {{"key", "k"}}).repeatable);
  EXPECT_TRUE(encoded("get", {{"key", "k"}, {"delete", "TRUE"}}).repeatable);
  EXPECT_FALSE(encoded("get", {{"key", "k"}, {"delete", "true"}}).repeatable);
  EXPECT_FALSE(encoded("increment", {{"key", "k"}}).repeatable);
  EXPECT_FALSE(encoded("increment", {{"key", "k"}, {"ttl", "1s"}}).repeatable);
}

TEST(Commands, AreRefusedInDaprsWords) {
  EXPECT_STREQ(refusal("create", {}).what(), "redis binding: missing key in request metadata");
  EXPECT_STREQ(refusal("get", {{"key", ""}}).what(), "redis binding: missing key in request metadata");
  EXPECT_STREQ(refusal("list", {{"key", "k"}}).what(), "invalid operation type: list");
  EXPECT_STREQ(refusal("create", {{"key", "k"}, {"ttlInSeconds", "x"}}).what(),
               "ttl value must be a valid integer: actual is 'x'");
}

TEST(Meaning, SaysWhatAnotherAttemptIsGoodFor) {
  for (const char* text :
       {"LOADING Redis is loading", "READONLY You can't write", "CLUSTERDOWN Hash slot not served",
        "MISCONF Errors writing", "NOREPLICAS Not enough", "TRYAGAIN Multiple keys", "BUSY script"}) {
    EXPECT_EQ(meaning_of(text).status, CLEAT_UNAVAILABLE) << text;
    EXPECT_EQ(meaning_of(text).flags, CLEAT_RETRYABLE) << text;
  }
  EXPECT_EQ(meaning_of("OOM command not allowed").status, CLEAT_THROTTLED);
  EXPECT_EQ(meaning_of("WRONGPASS invalid").status, CLEAT_UNAUTHENTICATED);
  EXPECT_EQ(meaning_of("NOPERM this user").status, CLEAT_DENIED);
  EXPECT_EQ(meaning_of("WRONGTYPE Operation").status, CLEAT_CONFLICT);
  EXPECT_EQ(meaning_of("ERR value is not an integer").status, CLEAT_REMOTE);
  EXPECT_EQ(meaning_of("ERR value is not an integer").flags, 0U);
}

TEST(Endpoints, HaveThePortOfTheTextOrTheField) {
  EXPECT_EQ(parse_endpoint("h", 0), (Endpoint{"h", 6379}));
  EXPECT_EQ(parse_endpoint("h", 7000), (Endpoint{"h", 7000}));
  EXPECT_EQ(parse_endpoint("h:1", 0), (Endpoint{"h", 1}));
  EXPECT_EQ(parse_endpoint("h:1", 1), (Endpoint{"h", 1}));
  EXPECT_EQ(parse_endpoint("::1", 0), (Endpoint{"::1", 6379}));
  EXPECT_EQ(parse_endpoint("[::1]:2", 0), (Endpoint{"::1", 2}));
  for (const char* text : {":1", "h:", "h:x", "h:0", "h:65536", "[::1", "[::1]x", "h:1 "})
    EXPECT_THROW(parse_endpoint(text, 0), Error) << text;
  EXPECT_THROW(parse_endpoint("h:1", 2), Error);
}

StreamEntry entry(const std::vector<std::pair<std::string, std::string>>& fields) {
  StreamEntry found;
  found.id = "1700000000123-0";
  found.fields = fields;
  return found;
}

TEST(Entry, HasOneFieldAsData) {
  const StreamEntry one =
      entry({{"a", "1"}, {"data", std::string("\0\xff", 2)}, {"data", "2"}, {"traceparent", "00-x"}});
  const EntryContent content = content_of(one, "data");
  EXPECT_EQ(content.data, std::string("\0\xff", 2));
  EXPECT_FALSE(content.is_json);
  const std::vector<std::pair<std::string_view, std::string_view>> rest{
      {"a", "1"}, {"data", "2"}, {"traceparent", "00-x"}};
  EXPECT_EQ(content.metadata, rest);
  EXPECT_EQ(content.traceparent, "00-x");
}

TEST(Entry, WithoutThatFieldIsJson) {
  const StreamEntry one = entry({{"a\"", "\n"}, {"b", "\xff"}});
  const EntryContent content = content_of(one, "data");
  EXPECT_EQ(content.data, "{\"a\\\"\":\"\\n\",\"b\":\"\xef\xbf\xbd\"}");
  EXPECT_TRUE(content.is_json);
  EXPECT_EQ(content_of(entry({}), "data").data, "{}");
}

TEST(EntryId, HasTheOrderOfNumbers) {
  EXPECT_TRUE(is_before("9-5", "10-0"));
  EXPECT_TRUE(is_before("10-9", "10-10"));
  EXPECT_FALSE(is_before("10-10", "10-10"));
  EXPECT_EQ(id_before("10-10"), "10-9");
  EXPECT_EQ(id_before("10-0"), "9-18446744073709551615");
  EXPECT_EQ(id_before("0-1"), "0-0");
}

TEST(Entry, SaysWhenItWasAdded) {
  EXPECT_EQ(added_at_ns("1700000000123-5"), 1'700'000'000'123'000'000U);
  EXPECT_EQ(added_at_ns("18446744073709551615-1"), 0U) << "an id that somebody made up";
}

TEST(Init, NamesWhatIsMissing) {
  EXPECT_NE(Rig().init({{"redisHost", "h"}}, CLEAT_IN).text.find("stream: expected the key"),
            std::string::npos);
  EXPECT_NE(Rig().init({{"redisHost", "h"}, {"failover", "true"}}).text.find("sentinelMasterName"),
            std::string::npos);
  EXPECT_EQ(Rig().init({{"redisHost", "h"}, {"useOIDC", "true"}}).status, CLEAT_UNSUPPORTED);
  EXPECT_EQ(Rig().init({{"redisHost", "h"}}).status, CLEAT_OK);
}

TEST(Init, SaysWhatHasNoEffect) {
  Rig rig;
  EXPECT_EQ(rig.init({{"redisHost", "a,b"}, {"redisType", "cluster"}, {"redisDB", "1"}}).status, CLEAT_OK);
  EXPECT_TRUE(rig.host.logged("a cluster has database 0 only"));
}

// A port that nothing listens on: known at once, and told as something that may be tried again.
TEST(Absent, FailsCallsAtOnceAndGoesOnTrying) {
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", "127.0.0.1:1"}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_NE(rig.host.health().second.find("127.0.0.1:1"), std::string::npos);
  const auto& call = rig.plugin.invoke("create", "v", {{"key", "k"}});
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.completion(call).done; }, 5s));
  EXPECT_EQ(rig.host.completion(call).status, CLEAT_UNAVAILABLE);
  const std::size_t before = rig.host.health_count();
  EXPECT_TRUE(rig.host.wait_until([&] { return rig.host.health_count() >= before + 2; }));
  EXPECT_EQ(rig.plugin.ping(1s).status, CLEAT_UNAVAILABLE);
}

}  // namespace
}  // namespace cleat::redis
