#include <gtest/gtest.h>

#include <map>
#include <string>

#include "flat_json.hpp"
#include "outgoing.hpp"
#include "plugins/fake_table.hpp"
#include "wire.hpp"

namespace cleat::nats {
namespace {

using testing::MapOf;
using testing::Pairs;

TEST(NatsWire, ReadsWhereToAcknowledge) {
  const auto address = parse_ack_address("$JS.ACK.ORDERS.billing.3.42.57.1769857200250000000.9");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(address->stream, "ORDERS");
  EXPECT_EQ(address->consumer, "billing");
  EXPECT_EQ(address->delivered, 3U);
  EXPECT_EQ(address->sequence, 42U);
  EXPECT_EQ(address->consumer_sequence, 57U);
  EXPECT_EQ(address->stored_ns, 1'769'857'200'250'000'000);
  EXPECT_EQ(address->pending, 9U);
}

TEST(NatsWire, ReadsTheLongFormWithDomainAndAccount) {
  for (const char* text : {"$JS.ACK.hub.AbCd.S.c.1.2.3.4.5", "$JS.ACK._.AbCd.S.c.1.2.3.4.5.random"}) {
    const auto address = parse_ack_address(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->stream, "S");
    EXPECT_EQ(address->pending, 5U);
  }
}

TEST(NatsWire, OtherSubjectsAreNoPlaceToAcknowledge) {
  for (const char* text :
       {"", "_INBOX.a.1", "$JS.ACK.", "$JS.ACK.S.c.1.2.3.4", "$JS.ACK.S.c.1.2.3.4.5.6",
        "$JS.ACK.S.c.x.2.3.4.5", "$JS.ACK..c.1.2.3.4.5", "$JS.ACK.S.c.1.2.3.4.99999999999999999999"})
    EXPECT_FALSE(parse_ack_address(text).has_value()) << text;
}

TEST(NatsWire, ReadsTheAnswerOfAStream) {
  const auto stored = parse_pub_ack(R"({"stream":"S","seq":7})");
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->stream, "S");
  EXPECT_EQ(stored->sequence, 7U);
  EXPECT_FALSE(stored->is_duplicate || stored->is_error());
  EXPECT_TRUE(
      parse_pub_ack(R"( {"stream": "S", "domain": "hub", "seq": 7, "duplicate": true} )")->is_duplicate);
  const auto refused = parse_pub_ack(
      R"({"type":"x","error":{"code":400,"err_code":10060,"description":"expected \"T\""},"stream":"S","seq":0})");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error, "expected \"T\"");
  EXPECT_EQ(refused->error_kind, 10060);
}

TEST(NatsWire, OtherAnswersAreNone) {
  for (const char* text :
       {"", "ok", "{}", R"({"stream":"S"})", R"({"seq":7})", R"({"stream":"S","seq":7}x)",
        R"({"stream":"S","seq":7)", R"(["stream"])", R"({"stream" "S"})", R"({"stream":})"})
    EXPECT_FALSE(parse_pub_ack(text).has_value()) << text;
}

TEST(NatsWire, DeepNestingIsRefused) {
  std::string json;
  for (int i = 0; i < 100'000; ++i)
    json += "{\"a\":";
  EXPECT_FALSE(read_flat_json(json, [](auto, auto) {}));
  EXPECT_FALSE(read_flat_json("{\"a\":" + std::string(100'000, '[') + "}", [](auto, auto) {}));
}

TEST(NatsWire, FlatJsonNamesMembersByTheirPath) {
  std::map<std::string, std::string> found;
  EXPECT_TRUE(read_flat_json(R"({"a":{"b":"\u00fc\n","c":[1,{"d":2}]},"e":null,"f":-1.5e3,"g":{}})",
                             [&](auto path, auto value) { found[std::string(path)] = value; }));
  EXPECT_EQ(found,
            (std::map<std::string, std::string>{{"a.b", "\xc3\xbc\n"}, {"e", "null"}, {"f", "-1.5e3"}}));
}

TEST(NatsWire, WritesRequests) {
  EXPECT_EQ(pull_request(5, 1'000, 2'000), R"({"batch":5,"max_bytes":1000,"expires":2000})");
  EXPECT_EQ(nak(0), "-NAK");
  EXPECT_EQ(nak(4'000'000'000), R"(-NAK {"delay":4000000000000000})");
}

struct Made {
  explicit Made(Pairs metadata_, std::string operation_ = "create")
      : metadata(std::move(metadata_)), map(metadata), operation(std::move(operation_)) {
    raw.struct_size = sizeof raw;
    raw.operation = str(operation);
    raw.metadata = map.map();
  }
  Outgoing read(const NatsConfig& config = {}) { return read_outgoing(Request(raw), config); }
  std::string error(const NatsConfig& config = {}) {
    try {
      read(config);
    } catch (const Error& thrown) {
      return thrown.what();
    }
    return "(no error)";
  }
  Pairs metadata;
  MapOf map;
  std::string operation;
  cleat_request raw{};
};

TEST(NatsOutgoing, TheRequestsSubjectGoesFirst) {
  NatsConfig config;
  config.publish_subject = "a";
  EXPECT_EQ(Made({}).read(config).subject, "a");
  EXPECT_EQ(Made(Pairs{{"Subject", "b"}}).read(config).subject, "b");
  EXPECT_NE(Made({}).error().find("no subject to send to"), std::string::npos);
  EXPECT_EQ(Made(Pairs{{"subject", "b c"}}).error(),
            "subject 'b c' cannot be sent to: it has a blank or control character at place 2");
}

TEST(NatsOutgoing, EveryOtherEntryIsAHeader) {
  EXPECT_EQ(Made(Pairs{{"subject", "a"}, {"traceparent", "00-1"}, {"MsgId", "7"}}).read().headers,
            (Headers{{"traceparent", "00-1"}, {"Nats-Msg-Id", "7"}}));
  EXPECT_EQ(Made(Pairs{{"subject", "a"}, {"b c", "d"}}).error(),
            "metadata 'b c' cannot be sent as a header: it has a name that has a character that no name of a "
            "header may have at place 2");
  EXPECT_NE(Made(Pairs{{"subject", "a"}, {"b", "c\r\nd: e"}}).error().find("'b' cannot be sent as a header"),
            std::string::npos);
}

TEST(NatsOutgoing, AStreamIsToldWhichEventADeadLetterWas) {
  NatsConfig config;
  config.confirms = true;
  config.publish_stream = "S";
  const Outgoing made = Made(Pairs{{"subject", "a"}, {"cleat-event-id", "t/0@7"}}).read(config);
  EXPECT_EQ(made.kind, Kind::store);
  EXPECT_TRUE(made.has_id);
  EXPECT_EQ(made.headers,
            (Headers{{"cleat-event-id", "t/0@7"}, {"Nats-Msg-Id", "t/0@7"}, {"Nats-Expected-Stream", "S"}}));
  EXPECT_EQ(
      Made(Pairs{{"subject", "a"}, {"cleat-event-id", "1"}, {"msgId", "2"}}).read(config).headers.size(), 3U);
  EXPECT_EQ(Made(Pairs{{"subject", "a"}}, "request").read(config).headers.size(), 0U);
}

TEST(NatsOutgoing, SizeIsThatOnTheWire) {
  EXPECT_EQ(size_of({}), 0U);
  EXPECT_EQ(size_of({{"a", "bc"}}), std::string("NATS/1.0\r\na: bc\r\n\r\n").size());
}

}  // namespace
}  // namespace cleat::nats
