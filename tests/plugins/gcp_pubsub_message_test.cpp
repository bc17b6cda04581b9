#include <gtest/gtest.h>

#include <string>

#include "message.hpp"
#include "plugins/fake_table.hpp"
#include "pubsub_config.hpp"
#include "verdicts.hpp"

namespace cleat::pubsub {
namespace {

using testing::MapOf;
using testing::Pairs;

class PubSubMessage : public ::testing::Test {
 protected:
  PubSubMessage() { config.project = "p-1", config.topic = "projects/p-1/topics/orders"; }

  Outgoing outgoing(std::string_view data, const Pairs& metadata = {}, std::string_view traceparent = {}) {
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
  std::string refusal(std::string_view data, const Pairs& metadata) {
    try {
      outgoing(data, metadata);
    } catch (const Error& error) {
      status = error.status;
      return error.what();
    }
    return "(none)";
  }

  PubSubConfig config;
  cleat_status status = CLEAT_OK;
};

TEST_F(PubSubMessage, CarriesAnyBytesAttributesAndAKey) {
  const Outgoing found =
      outgoing({"\0\xFF", 2}, {{"kind", "\"ä\""}, {"orderingKey", "k"}, {"empty", ""}}, "00-1-2-01");
  EXPECT_EQ(
      found.json,
      R"({"data":"AP8=","attributes":{"kind":"\"ä\"","empty":"","traceparent":"00-1-2-01"},"orderingKey":"k"})");
  EXPECT_EQ(found.topic, "projects/p-1/topics/orders");
  EXPECT_EQ(found.key, "k");
}

TEST_F(PubSubMessage, GoesToTheTopicThatIsNamed) {
  EXPECT_EQ(outgoing("x", {{"Topic", "other"}}).topic, "projects/p-1/topics/other");
  EXPECT_EQ(outgoing("x", {{"topic", "projects/q/topics/other"}}).topic, "projects/q/topics/other");
  EXPECT_EQ(outgoing("x", {{"topic", ""}}).topic, config.topic);
  for (const char* bad : {"../x", "a b", "projects/q/topics/x?y", "projects/q/subscriptions/other", "x",
                          "1abc", "projects/q/topics/o/o"})
    EXPECT_NE(refusal("x", {{"topic", bad}}).find("metadata 'topic': expected a name"), std::string::npos)
        << bad;
  config.topic.clear();
  EXPECT_EQ(refusal("x", {}), "topic: expected one, in the metadata of the request or of the component");
}

TEST_F(PubSubMessage, TakesNoAttributeThatTheServiceWouldRefuse) {
  EXPECT_NE(refusal("x", {{"googleish", "v"}}).find("begin with goog"), std::string::npos);
  EXPECT_NE(refusal("x", {{std::string(257, 'n'), "v"}}).find("256 bytes"), std::string::npos);
  EXPECT_NE(refusal("x", {{"n", std::string(1025, 'v')}}).find("1024 bytes"), std::string::npos);
  EXPECT_NE(refusal("x", {{"n", "\xFF"}}).find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal("x", {{"orderingKey", std::string(1025, 'v')}}).find("orderingKey"), std::string::npos);
  Pairs many;
  for (int i = 0; i < 100; ++i)
    many.emplace_back("n" + std::to_string(i), "v");
  EXPECT_NO_THROW(outgoing("x", many, "00-1-2-01")) << "the trace has no room";
  many.emplace_back("n100", "v");
  EXPECT_NE(refusal("x", many).find("at most 100"), std::string::npos);
}

TEST_F(PubSubMessage, LeavesOutWhatOfADeadLettersSourceCannotBeAnAttribute) {
  EXPECT_EQ(outgoing("x", {{"cleat-src-long", std::string(1025, 'v')}, {"cleat-src-short", "v"}}).json,
            R"({"data":"eA==","attributes":{"cleat-src-short":"v"}})");
}

TEST_F(PubSubMessage, LeavesOutWhatCameAlongOverGrpc) {
  EXPECT_EQ(
      outgoing("x", {{"dapr-api-token", "secret"}, {"grpc-timeout", "1S"}, {"user-agent", "grpc-go/1"}}).json,
      R"({"data":"eA=="})");
}

TEST_F(PubSubMessage, IsNotEmptyAndNotTooLarge) {
  EXPECT_EQ(refusal("", {}), "Pub/Sub takes no message without data and without attributes");
  EXPECT_EQ(outgoing("", {{"a", "b"}}).json, R"({"data":"","attributes":{"a":"b"}})");
  EXPECT_NO_THROW(outgoing(std::string(9'999'000, 'x')));
  EXPECT_NE(refusal(std::string(10'000'000, 'x'), {}).find("at most 10000000 bytes"), std::string::npos);
  EXPECT_EQ(status, CLEAT_TOO_LARGE);
}

TEST(PubSubIncoming, HasItsMetadataAsDaprTellsIt) {
  const std::string text =
      R"({"receivedMessages":[{"ackId":"a1","message":{"data":"AP8=","messageId":"7","publishTime":"2026-11-28T19:03:06.050Z",)"
      R"("orderingKey":"k","attributes":{"kind":"new","content-type":"text/plain","traceparent":"00-1","googclient_traceparent":"00-2",)"
      R"("googclient_tracestate":"s"}},"deliveryAttempt":3},{"ackId":"a2","message":{"attributes":{"id":"theirs"}}},)"
      R"({"message":{"data":"AA=="}},{"ackId":"a3"}]})";
  const std::vector<Incoming> found = incoming_of(common::parse_json(text));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].body, std::string("\0\xFF", 2));
  EXPECT_EQ(found[0].ack_id, "a1");
  EXPECT_EQ(found[0].key, "k");
  EXPECT_EQ(found[0].delivery_attempt, 3U);
  EXPECT_EQ(found[0].content_type, "text/plain");
  EXPECT_EQ(found[0].traceparent, "00-1");
  EXPECT_EQ(found[0].tracestate, "s");
  EXPECT_EQ(found[0].metadata, (Pairs{{"id", "7"},
                                      {"publishTime", "2026-11-28 19:03:06.05 +0000 UTC"},
                                      {"orderingKey", "k"},
                                      {"deliveryAttempt", "3"},
                                      {"kind", "new"},
                                      {"content-type", "text/plain"}}));
  EXPECT_EQ(found[1].body, "");
  EXPECT_EQ(found[1].delivery_attempt, 0U);
  EXPECT_EQ(found[1].metadata.front(), (std::pair<std::string, std::string>{"id", ""})) << "ours comes first";
  EXPECT_TRUE(incoming_of(common::parse_json("{}")).empty());
}

TEST(PubSubIncoming, HasItsTimeAsGoPrintsIt) {
  EXPECT_EQ(go_time("2026-11-28T19:03:06Z"), "2026-11-28 19:03:06 +0000 UTC");
  EXPECT_EQ(go_time("2026-11-28T19:03:06.123456789Z"), "2026-11-28 19:03:06.123456789 +0000 UTC");
  EXPECT_EQ(go_time("2026-11-28T19:03:06.500Z"), "2026-11-28 19:03:06.5 +0000 UTC");
  EXPECT_EQ(go_time("2026-11-28T19:03:06.000Z"), "2026-11-28 19:03:06 +0000 UTC");
  EXPECT_EQ(go_time("yesterday"), "yesterday");
  EXPECT_EQ(go_time(""), "");
}

using Verdicts = std::vector<Verdict>;

Verdicts verdicts(int status, const std::string& body, const std::vector<std::string>& ids) {
  const common::JsonValue json = common::parse_json(body);
  google::Failure failure;
  failure.http_status = status;
  if (status == 200) return verdicts_of({&json, nullptr, nullptr}, ids);
  return verdicts_of({nullptr, &failure, status == 400 ? &json : nullptr}, ids);
}

TEST(PubSubVerdicts, BelieveOnlyWhatTheAnswerSays) {
  EXPECT_EQ(verdicts(200, "{}", {"a", "b"}), (Verdicts{Verdict::done, Verdict::done}));
  EXPECT_EQ(verdicts(503, "{}", {"a", "b"}), (Verdicts{Verdict::again, Verdict::again}));
  EXPECT_EQ(verdicts(403, "{}", {"a"}), (Verdicts{Verdict::again}));
  EXPECT_EQ(verdicts(404, "{}", {"a", "b"}), (Verdicts{Verdict::refused, Verdict::refused}));
  EXPECT_EQ(verdicts(400, "{}", {"a", "b"}), (Verdicts{Verdict::alone, Verdict::alone}));
  EXPECT_EQ(verdicts(400, "{}", {"a"}), (Verdicts{Verdict::refused}));
  const std::string named =
      R"({"error":{"details":[{"@type":"type.googleapis.com/google.rpc.Help","metadata":{"c":"PERMANENT_FAILURE_X"}},)"
      R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
      R"("metadata":{"a":"PERMANENT_FAILURE_INVALID_ACK_ID","b":"TRANSIENT_FAILURE_UNORDERED_ACK_ID"}}]}})";
  EXPECT_EQ(verdicts(400, named, {"a", "b", "c"}),
            (Verdicts{Verdict::refused, Verdict::again, Verdict::again}));
}

std::string init_error(const Pairs& fields) {
  const MapOf map(fields);
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.metadata = map.map();
  try {
    (void)parse_config(Config(raw));
  } catch (const Error& error) {
    return error.what();
  }
  return "(none)";
}

TEST(PubSubFields, SayWhatWasExpected) {
  const auto with = [](Pairs more) {
    Pairs fields{{"projectID", "p-1"},
                 {"topic", "orders"},
                 {"subscription", "shop"},
                 {"endpoint", "http://x"},
                 {"privateKeyID", "k"}};
    fields.insert(fields.begin(), more.begin(), more.end());
    return init_error(fields);
  };
  EXPECT_NE(with({{"projectID", "p/1"}}).find("projectID: expected the id of a project"), std::string::npos);
  EXPECT_NE(with({{"topic", "a/b"}}).find("topic: expected a name"), std::string::npos);
  EXPECT_NE(with({{"subscription", "projects/p/topics/shop"}}).find("projects/PROJECT/subscriptions/NAME"),
            std::string::npos);
  EXPECT_EQ(with({}).find("clientEmail"), 0U) << "an endpoint keeps the credentials in use";
  EXPECT_EQ(with({{"endpoint", "ftp://x"}}).find("endpoint: expected"), 0U);
}

TEST(PubSubFields, BoundTheDeadline) {
  ::setenv("PUBSUB_EMULATOR_HOST", "localhost:1", 1);
  const auto with = [](const std::string& ns) {
    return init_error({{"projectID", "p-1"}, {"ackDeadline", ns}});
  };
  EXPECT_EQ(with("10000000000"), "(none)");
  EXPECT_EQ(with("600000000000"), "(none)");
  for (const char* bad : {"9000000000", "601000000000", "10500000000"})
    EXPECT_EQ(with(bad), "ackDeadline: expected whole seconds from 10 to 600");
  ::unsetenv("PUBSUB_EMULATOR_HOST");
}

}  // namespace
}  // namespace cleat::pubsub
