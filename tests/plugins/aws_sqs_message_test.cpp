#include <gtest/gtest.h>

#include <string>

#include "common/aws/message_attributes.hpp"
#include "message.hpp"
#include "plugins/fake_table.hpp"
#include "sqs_config.hpp"

namespace cleat::sqs {
namespace {

using testing::MapOf;
using testing::Pairs;

TEST(SqsQueueName, IsANameAnUrlOrAnArn) {
  EXPECT_EQ(parse_queue_name("orders").name, "orders");
  EXPECT_FALSE(parse_queue_name("orders").is_fifo());
  EXPECT_TRUE(parse_queue_name("orders.fifo").is_fifo());
  const QueueName url = parse_queue_name("https://sqs.eu-west-1.amazonaws.com/123456789012/orders");
  EXPECT_EQ(url.name, "orders");
  EXPECT_EQ(url.region, "eu-west-1");
  EXPECT_EQ(url.url, "https://sqs.eu-west-1.amazonaws.com/123456789012/orders");
  EXPECT_EQ(parse_queue_name("http://localhost:4566/000000000000/q").region, "");
  const QueueName arn = parse_queue_name("arn:aws:sqs:eu-west-2:123456789012:orders.fifo");
  EXPECT_EQ(arn.name, "orders.fifo");
  EXPECT_EQ(arn.region, "eu-west-2");
  EXPECT_EQ(arn.account, "123456789012");
  for (const char* bad :
       {"", "a b", "a/b", ".fifo", "arn:aws:sns:eu-west-2:1:orders", "http://host", "http://host/q"})
    EXPECT_THROW(parse_queue_name(bad), Error) << bad;
  EXPECT_THROW(parse_queue_name(std::string(81, 'x')), Error);
}

TEST(SqsQueueName, IsNotRepeatedWhereItMayHoldASecret) {
  for (const char* bad :
       {"https://alice:secret@host/1/q", "https://alice:secret@host/q", "ftp://alice:secret@host/1/q",
        "https://host/1/q?key=secret", "https://host/1/q#secret", "https://host/secret"}) {
    try {
      parse_queue_name(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
    }
  }
}

TEST(SqsBody, IsTextThatXmlCanCarry) {
  for (const char* good : {"a", "\t\r\n", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD"})
    EXPECT_TRUE(aws::is_sendable(good)) << good;
  for (const char* bad : {"", "\x01", "\x1F", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xEF\xBF\xBE", "\xF4\x90\x80\x80", "\xFF", "\x80"})
    EXPECT_FALSE(aws::is_sendable(bad)) << bad;
  EXPECT_FALSE(aws::is_sendable(std::string_view("a\0b", 3)));
}

/// What outgoing_of() makes of a call, or its error's text.
class SqsMessage : public ::testing::Test {
 protected:
  Outgoing out(const std::string& data, const Pairs& metadata = {}, const std::string& traceparent = {}) {
    const MapOf map(metadata);
    cleat_request raw{};
    raw.struct_size = sizeof raw;
    raw.operation = str("create");
    raw.metadata = map.map();
    raw.data = data.data();
    raw.data_len = data.size();
    raw.traceparent = str(traceparent);
    return outgoing_of(Request(raw), config);
  }
  std::string error(const std::string& data, const Pairs& metadata = {}) {
    try {
      out(data, metadata);
      return "(none)";
    } catch (const Error& caught) {
      return caught.what();
    }
  }
  SqsConfig config;
};

TEST_F(SqsMessage, HasWhatTheRequestSays) {
  EXPECT_EQ(out("a\"b").json, R"("MessageBody":"a\"b")");
  EXPECT_EQ(out("x", {{"delaySeconds", "7"}, {"MessageGroupId", "g"}}).json,
            R"("MessageBody":"x","DelaySeconds":7,"MessageGroupId":"g")");
  EXPECT_EQ(out("x", {{"kind", "new"}, {"dapr-api-token", "secret"}, {"grpc-timeout", "1"}}, "00-1").json,
            R"("MessageBody":"x","MessageAttributes":{"kind":{"DataType":"String","StringValue":"new"},)"
            R"("traceparent":{"DataType":"String","StringValue":"00-1"}})");
  EXPECT_EQ(out("xyz", {{"kind", "new"}}).bytes, 3U + 4U + 6U + 3U);
}

TEST_F(SqsMessage, IsRefusedWhereSqsWouldRefuseIt) {
  EXPECT_EQ(error(""), "SQS takes no empty message");
  EXPECT_EQ(error("\xFF"), "SQS takes text only, and this is none: bytes travel with bodyEncoding: base64");
  EXPECT_NE(error("x", {{"delaySeconds", "901"}}), "(none)");
  EXPECT_NE(error("x", {{"delaySeconds", "1.5"}}), "(none)");
  EXPECT_NE(error("x", {{"a b", "v"}}), "(none)");
  EXPECT_NE(error("x", {{"AWS.x", "v"}}), "(none)");
  EXPECT_NE(error("x", {{"a", ""}}), "(none)");
  Pairs many;
  for (int i = 0; i < 11; ++i)
    many.emplace_back("a" + std::to_string(i), "v");
  EXPECT_NE(error("x", many), "(none)");
  many.pop_back();
  EXPECT_EQ(error("x", many), "(none)");
  EXPECT_EQ(error(std::string(1U << 20U, 'x')), "(none)");
  EXPECT_NE(error(std::string((1U << 20U) + 1, 'x')), "(none)");
}

TEST_F(SqsMessage, CarriesBytesInBase64) {
  config.is_base64 = true;
  EXPECT_EQ(out(std::string("\0\xFF", 2)).json, R"("MessageBody":"AP8=")");
  EXPECT_EQ(out("").json, R"("MessageBody":"\n")");
}

TEST_F(SqsMessage, OfAFifoQueueHasAGroup) {
  config.queue = parse_queue_name("q.fifo");
  EXPECT_NE(error("x").find("messageGroupId"), std::string::npos);
  EXPECT_FALSE(out("x", {{"messageGroupId", "g"}}).is_once);
  config.group = "all";
  EXPECT_EQ(out("x", {{"messageDeduplicationId", "d"}}).json,
            R"("MessageBody":"x","MessageGroupId":"all","MessageDeduplicationId":"d")");
  EXPECT_TRUE(out("x", {{"messageDeduplicationId", "d"}}).is_once);
  EXPECT_NE(out("x", {{"cleat-event-id", "e"}}).json.find(R"("MessageDeduplicationId":"e")"),
            std::string::npos);
}

TEST_F(SqsMessage, ThatArrivesHasItsAttributes) {
  const std::string text =
      R"({"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"b","Attributes":{"ApproximateReceiveCount":"3",)"
      R"("ApproximateFirstReceiveTimestamp":"1500","MessageGroupId":"g"},"MessageAttributes":{)"
      R"("kind":{"DataType":"String","StringValue":"new"},"raw":{"DataType":"Binary","BinaryValue":"AP8="},)"
      R"("traceparent":{"DataType":"String","StringValue":"00-1"}}},{"Body":"no id"}]})";
  const std::vector<Incoming> found = incoming_of(common::parse_json(text), config);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "m");
  EXPECT_EQ(found[0].receipt, "r");
  EXPECT_EQ(found[0].body, "b");
  EXPECT_EQ(found[0].group, "g");
  EXPECT_EQ(found[0].receive_count, 3U);
  EXPECT_EQ(found[0].first_received_ns, 1'500'000'000U);
  EXPECT_EQ(found[0].traceparent, "00-1");
  const Pairs metadata{{"MessageId", "m"},
                       {"ApproximateReceiveCount", "3"},
                       {"ApproximateFirstReceiveTimestamp", "1500"},
                       {"MessageGroupId", "g"},
                       {"kind", "new"},
                       {"raw", "AP8="}};
  EXPECT_EQ(found[0].metadata, metadata);
  EXPECT_TRUE(incoming_of(common::parse_json("{}"), config).empty());
  EXPECT_TRUE(incoming_of(common::parse_json(R"({"Messages":[]})"), config).empty());
}

TEST_F(SqsMessage, ThatWasSentWithoutBase64ArrivesAsItIs) {
  config.is_base64 = true;
  const std::string text = R"({"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"AP8="},)"
                           R"({"MessageId":"2","ReceiptHandle":"r","Body":"not base64!"},)"
                           R"({"MessageId":"3","ReceiptHandle":"r","Body":"\n"}]})";
  const std::vector<Incoming> found = incoming_of(common::parse_json(text), config);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].body, std::string("\0\xFF", 2));
  EXPECT_EQ(found[1].body, "not base64!");
  EXPECT_EQ(found[2].body, "");
}

}  // namespace
}  // namespace cleat::sqs
