#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "amqp_table.hpp"
#include "event_batch.hpp"
#include "message.hpp"
#include "plugins/fake_host.hpp"
#include "rabbit_binding.hpp"
#include "rabbit_config.hpp"

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;
using testing::Driver;
using testing::FakeHost;
using testing::MapOf;

template <class F>
std::string refusal(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.status, CLEAT_INVALID);
    return error.what();
  }
  return "it was not refused";
}

// ---- where the broker is

TEST(RabbitAddress, HasDefaults) {
  const Address address = parse_address("amqp://rabbit");
  EXPECT_FALSE(address.tls);
  EXPECT_EQ(address.host, "rabbit");
  EXPECT_EQ(address.port, 5672);
  EXPECT_EQ(address.user, "guest");
  EXPECT_EQ(address.password, "guest");
  EXPECT_EQ(address.vhost, "/");
  EXPECT_EQ(address.heartbeat, 10s);
  EXPECT_EQ(parse_address("AMQPS://rabbit/").port, 5671);
}

TEST(RabbitAddress, IsPercentDecoded) {
  const Address address =
      parse_address("amqps://al%69ce:p%40s%3Fs@rabbit:1234/%2Fshop?heartbeat=0&frame_max=1");
  EXPECT_TRUE(address.tls);
  EXPECT_EQ(address.user, "alice");
  EXPECT_EQ(address.password, "p@s?s");
  EXPECT_EQ(address.vhost, "/shop");
  EXPECT_EQ(address.port, 1234);
  EXPECT_EQ(address.heartbeat, 0s);
  EXPECT_EQ(address.text(), "rabbit:1234 (vhost /shop)");
}

TEST(RabbitAddress, MayBeANumber) {
  EXPECT_EQ(parse_address("amqp://[::1]:1/").host, "::1");
  EXPECT_EQ(parse_address("amqp://[::1]").port, 5672);
  EXPECT_EQ(parse_address("amqp://user@10.0.0.1:2").host, "10.0.0.1");
}

TEST(RabbitAddress, IsRefusedWithoutASecret) {
  for (const char* uri :
       {"", "rabbit", "http://u:secret@h", "amqp://", "amqp://u:secret@", "amqp://u:secret@h:0",
        "amqp://u:secret@h:x", "amqp://u:secret@h:65536", "amqp://u:secret@h:", "amqp://u:secret@[::1]x",
        "amqp://u:secret%4@h", "amqp://u:secret%-1@h", "amqp://u:1/secret@h", "amqp://u:1?secret@h",
        "amqp://u:secret@h?heartbeat=soon", "amqp://u:secret@h?heartbeat=65536",
        "amqp://u:secret@h?cacertfile=x"}) {
    const std::string said = refusal([&] { parse_address(uri); });
    EXPECT_EQ(said.rfind("host: ", 0), 0U) << uri << ": " << said;
    EXPECT_EQ(said.find("secret"), std::string::npos) << uri << ": " << said;
  }
}

// ---- the fields

class RabbitFields : public ::testing::Test {
 protected:
  std::string init(const Pairs& more, std::uint32_t directions = CLEAT_IN, const Pairs& facts = {}) {
    Pairs fields{{"host", "amqp://u:secret@h"}, {"queueName", "q"}};
    for (const auto& [name, value] : more) {
      const auto same = [&name = name](const auto& each) { return each.first == name; };
      fields.erase(std::remove_if(fields.begin(), fields.end(), same), fields.end());
      fields.emplace_back(name, value);
    }
    FakeHost host;
    const cleat_binding_type type = cleat::type<RabbitBinding>("bindings.rabbitmq");
    Driver driver(host, type);
    driver.facts.insert(driver.facts.end(), facts.begin(), facts.end());
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    const auto outcome = driver.init(fields, directions);
    EXPECT_EQ(outcome.status == CLEAT_OK, outcome.text.empty());
    EXPECT_EQ(outcome.text.find("secret"), std::string::npos);
    return outcome.text;
  }
};

TEST_F(RabbitFields, AreTaken) {
  EXPECT_EQ(init({}), "");
  EXPECT_EQ(init({{"host", "amqp://a, amqps://b"}, {"insecureSkipTLSVerify", "true"}}), "");
  EXPECT_EQ(init({{"queueType", "quorum"}, {"deliveryLimit", "5"}, {"ttl", "1000000"}}), "");
  EXPECT_EQ(init({{"exclusive", "true"}}), "");
  EXPECT_EQ(init({{"maxPriority", "1000"}}), "") << "taken to the nearer end, as Dapr does";
}

TEST_F(RabbitFields, AreRefusedByName) {
  EXPECT_EQ(init({{"host", ""}}), "missing host address");
  EXPECT_EQ(init({{"host", " , "}}), "missing host address");
  EXPECT_EQ(init({{"queueName", ""}}).rfind("missing queue Name", 0), 0U);
  const auto names = [&](const std::string& field, const Pairs& more, std::uint32_t directions = CLEAT_IN) {
    const std::string said = init(more, directions);
    EXPECT_EQ(said.rfind(field + ": ", 0), 0U) << said;
  };
  names("queueName", {{"queueName", std::string(256, 'q')}});
  names("queueType", {{"queueType", "quorum"}, {"exclusive", "true"}});
  names("queueType", {{"queueType", "quorum"}, {"deleteWhenUnused", "true"}});
  names("maxPriority", {{"queueType", "quorum"}, {"maxPriority", "3"}});
  names("exclusive", {{"exclusive", "true"}}, CLEAT_IN | CLEAT_OUT);
  names("exchange", {{"exchangeKind", "topic"}});
  names("prefetchCount", {{"prefetchCount", "65536"}});
  names("prefetchCount", {{"prefetchCount", "-1"}});
  names("clientCert", {{"externalSasl", "true"}});
  names("host", {{"caCert", "x"}});
  names("host", {{"host", "amqp://good,nonsense"}});
}

TEST_F(RabbitFields, ADeadLetterOfTheBrokerNeedsAnExchange) {
  const Pairs facts{{"dead-letter", "broker"}};
  EXPECT_EQ(init({{"brokerDeadLetter", "true"}}, CLEAT_IN, facts), "");
  EXPECT_EQ(
      init({{"brokerDeadLetter", "false"}}, CLEAT_IN, facts).rfind("brokerDeadLetter: expected true", 0), 0U);
}

// ---- a table as text

amqp_table_entry_t entry(const char* name, std::uint8_t kind) {
  amqp_table_entry_t made{};
  made.key = {std::char_traits<char>::length(name), const_cast<char*>(name)};
  made.value.kind = kind;
  return made;
}

amqp_bytes_t bytes(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

TEST(RabbitTable, IsText) {
  std::array<amqp_table_entry_t, 14> all{
      entry("yes", AMQP_FIELD_KIND_BOOLEAN),    entry("i8", AMQP_FIELD_KIND_I8),
      entry("u8", AMQP_FIELD_KIND_U8),          entry("i16", AMQP_FIELD_KIND_I16),
      entry("u16", AMQP_FIELD_KIND_U16),        entry("i32", AMQP_FIELD_KIND_I32),
      entry("u32", AMQP_FIELD_KIND_U32),        entry("i64", AMQP_FIELD_KIND_I64),
      entry("u64", AMQP_FIELD_KIND_U64),        entry("f32", AMQP_FIELD_KIND_F32),
      entry("f64", AMQP_FIELD_KIND_F64),        entry("text", AMQP_FIELD_KIND_UTF8),
      entry("time", AMQP_FIELD_KIND_TIMESTAMP), entry("nothing", AMQP_FIELD_KIND_VOID)};
  all[0].value.value.boolean = 1;
  all[1].value.value.i8 = -1;
  all[2].value.value.u8 = 255;
  all[3].value.value.i16 = -300;
  all[4].value.value.u16 = 65535;
  all[5].value.value.i32 = -70'000;
  all[6].value.value.u32 = 4'000'000'000;
  all[7].value.value.i64 = INT64_MIN;
  all[8].value.value.u64 = UINT64_MAX;
  all[9].value.value.f32 = 0.5F;
  all[10].value.value.f64 = -1.25;
  all[11].value.value.bytes = bytes("t\"x");
  all[12].value.value.u64 = 1'700'000'000;
  const Pairs expected{{"yes", "true"},
                       {"i8", "-1"},
                       {"u8", "255"},
                       {"i16", "-300"},
                       {"u16", "65535"},
                       {"i32", "-70000"},
                       {"u32", "4000000000"},
                       {"i64", "-9223372036854775808"},
                       {"u64", "18446744073709551615"},
                       {"f32", "0.5"},
                       {"f64", "-1.25"},
                       {"text", "t\"x"},
                       {"time", "1700000000"},
                       {"nothing", ""}};
  EXPECT_EQ(table_as_text({static_cast<int>(all.size()), all.data()}), expected);
}

TEST(RabbitTable, WritesDecimalsWithTheirPoint) {
  const auto text = [](std::uint8_t decimals, std::uint32_t value) {
    amqp_table_entry_t one = entry("d", AMQP_FIELD_KIND_DECIMAL);
    one.value.value.decimal = {decimals, value};
    return table_as_text({1, &one})[0].second;
  };
  EXPECT_EQ(text(0, 42), "42");
  EXPECT_EQ(text(2, 1234), "12.34");
  EXPECT_EQ(text(4, 1234), "0.1234");
  EXPECT_EQ(text(6, 7), "0.000007");
}

TEST(RabbitTable, WritesWhatIsNestedAsJson) {
  std::array<amqp_field_value_t, 4> items{};
  items[0].kind = AMQP_FIELD_KIND_UTF8;
  items[0].value.bytes = bytes("a\"b");
  items[1].kind = AMQP_FIELD_KIND_I32;
  items[1].value.i32 = 7;
  items[2].kind = AMQP_FIELD_KIND_VOID;
  items[3].kind = AMQP_FIELD_KIND_TABLE;
  amqp_table_entry_t array = entry("list", AMQP_FIELD_KIND_ARRAY);
  array.value.value.array = {static_cast<int>(items.size()), items.data()};
  std::array<amqp_table_entry_t, 2> inner{array, entry("no", AMQP_FIELD_KIND_BOOLEAN)};
  amqp_table_entry_t outer = entry("x-death", AMQP_FIELD_KIND_TABLE);
  outer.value.value.table = {static_cast<int>(inner.size()), inner.data()};
  const Pairs found = table_as_text({1, &outer});
  EXPECT_EQ(found, (Pairs{{"x-death", R"({"list":["a\"b",7,null,{}],"no":false})"}}));
}

// ---- messages

Outgoing outgoing(const Pairs& metadata,
                  const OutgoingDefaults& defaults = {"shop", "orders", "text/plain"}) {
  const MapOf map(metadata);
  cleat_request raw{};
  raw.struct_size = sizeof raw;
  raw.operation = str("create");
  raw.metadata = map.map();
  return outgoing_of(Request(raw), defaults);
}

TEST(RabbitOutgoing, TakesPropertiesAndHeaders) {
  const Pairs metadata{{"messageID", "m"}, {"correlationID", "c"}, {"type", "t"},     {"replyTo", "r"},
                       {"ttl", "1500us"},  {"priority", "300"},    {"color", "blue"}, {"contentType", "a/b"}};
  const Outgoing message = outgoing(metadata);
  EXPECT_EQ(message.exchange, "shop");
  EXPECT_EQ(message.routing_key, "orders");
  EXPECT_EQ(message.properties.message_id, "m");
  EXPECT_EQ(message.properties.correlation_id, "c");
  EXPECT_EQ(message.properties.type, "t");
  EXPECT_EQ(message.properties.reply_to, "r");
  EXPECT_EQ(message.properties.expiration, "2") << "milliseconds, rounded up";
  EXPECT_EQ(message.properties.priority, 255);
  EXPECT_EQ(message.properties.delivery_mode, 2);
  EXPECT_EQ(message.properties.content_type, "a/b");
  EXPECT_EQ(message.properties.headers, metadata);
}

TEST(RabbitOutgoing, GoesWhereTheRequestSays) {
  const Outgoing message = outgoing({{"exchange", ""}, {"routingKey", "other"}});
  EXPECT_EQ(message.exchange, "");
  EXPECT_EQ(message.routing_key, "other");
  EXPECT_EQ(message.properties.content_type, "text/plain") << "the component's";
  EXPECT_EQ(message.properties.expiration, "");
  EXPECT_EQ(outgoing({{"ttl", "9223372036"}}).properties.expiration, "4294967295")
      << "what the broker can hold";
}

TEST(RabbitOutgoing, IsRefused) {
  EXPECT_EQ(refusal([] { outgoing({{"ttlInSeconds", "soon"}}); }).rfind("failed to get TTL: ", 0), 0U);
  EXPECT_EQ(refusal([] {
              outgoing({{"messageID", std::string(256, 'm')}});
            }),
            "messageID: expected at most 255 bytes, found 256");
  EXPECT_EQ(refusal([] {
              outgoing({{std::string(256, 'n'), "v"}});
            }),
            "metadata: expected at most 255 bytes, found 256");
}

TEST(RabbitEvent, HasPropertiesThenHeaders) {
  Message message;
  message.exchange = "shop";
  message.routing_key = "orders";
  message.redelivered = true;
  message.properties.message_id = "m";
  message.properties.timestamp = 1'700'000'000;
  message.properties.priority = 0;
  message.properties.headers = {{"a b/ä", "1"}, {"x-delivery-count", "3"}};
  const Pairs expected{
      {"messageID", "m"},       {"timestamp", "1700000000"}, {"priority", "0"},      {"exchange", "shop"},
      {"routingKey", "orders"}, {"redelivered", "true"},     {"deliveryCount", "3"}, {"a b/ä", "1"},
      {"x-delivery-count", "3"}};
  EXPECT_EQ(metadata_of(message, false), expected);
  EXPECT_EQ(metadata_of(message, true)[7].first, "a+b%2F%C3%A4");
}

TEST(RabbitEvent, KnowsHowOftenItWasGivenOut) {
  const auto count = [](const char* text) {
    Message message;
    message.properties.headers = {{"x-delivery-count", text}};
    return delivery_count_of(message);
  };
  EXPECT_EQ(count("0"), 0U);
  EXPECT_EQ(count("12"), 12U);
  for (const char* text : {"", "-1", "1x", "99999999999999999999"})
    EXPECT_EQ(count(text), std::nullopt) << text;
  EXPECT_EQ(delivery_count_of(Message{}), std::nullopt);
}

Received received(const std::string& body, bool redelivered, Pairs headers = {}) {
  Message message;
  message.body = body;
  message.redelivered = redelivered;
  message.properties.content_type = "a/b";
  message.properties.message_id = "m";
  message.properties.headers = std::move(headers);
  return {std::move(message), std::chrono::steady_clock::now()};
}

TEST(RabbitEventBatch, PointsToTheMessages) {
  Received first = received(std::string("\0\1", 2), false, {{"traceparent", "00-1"}, {"baggage", "k=v"}});
  Received second = received("", true);
  Received third = received("x", true, {{"x-delivery-count", "4"}});
  third.message.properties.timestamp = 1'700'000'000;
  second.message.properties.timestamp = 1'700'000'000'000;
  EventBatch batch(3, false);
  batch.add(first, 7);
  batch.add(second, 8);
  batch.add(third, 9);
  ASSERT_EQ(batch.size(), 3U);
  const cleat_event& one = *batch.events()[0];
  EXPECT_EQ(one.id, 7U);
  EXPECT_EQ(std::string_view(static_cast<const char*>(one.data.ptr), one.data.len),
            std::string_view("\0\1", 2));
  EXPECT_EQ(view(one.content_type), "a/b");
  EXPECT_EQ(view(one.source_id), "m");
  EXPECT_EQ(view(one.traceparent), "00-1");
  EXPECT_EQ(view(one.baggage), "k=v");
  EXPECT_EQ(one.delivery_count, 1U);
  EXPECT_EQ(one.first_seen_wall_ns, 0U);
  EXPECT_EQ(batch.events()[1]->data.len, 0U);
  EXPECT_EQ(batch.events()[1]->delivery_count, 0U) << "a classic queue knows no more than that it was before";
  EXPECT_EQ(batch.events()[1]->first_seen_wall_ns, 0U) << "milliseconds are no seconds";
  EXPECT_EQ(batch.events()[2]->delivery_count, 5U);
  EXPECT_EQ(batch.events()[2]->first_seen_wall_ns, 1'700'000'000'000'000'000U);
}

}  // namespace
}  // namespace cleat::rabbitmq
