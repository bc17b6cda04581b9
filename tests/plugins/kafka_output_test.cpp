#include "dead_port.hpp"
#include "kafka_fixture.hpp"
#include "plugins/hanging_resolver.hpp"

namespace cleat::kafka {
namespace {

constexpr std::int16_t kProduce = 0;  // of the protocol

TEST_F(KafkaTest, PartitionOutOfRange) {
  Component out(writer("four"));
  const Completion call = out.write("x", {{"partitionNumber", "9"}});
  EXPECT_EQ(call.status, CLEAT_INVALID);
  EXPECT_EQ(call.text, "partition number 9 is out of range, topic has 4 partitions");
}

TEST_F(KafkaTest, OtherOperationsAndMissingTopics) {
  Component in(reader());
  EXPECT_EQ(in.write("x").text,
            "kafka error: this component has no publishTopic, so there is no topic to write to");
  const Completion& call = in.driver.invoke("get", "x");
  EXPECT_EQ(in.host.completion(call).status, CLEAT_UNSUPPORTED);
  Component out(writer());
  EXPECT_EQ(out.driver.begin_input().status, CLEAT_OK);
  EXPECT_TRUE(out.host.logged("no topics"));
}

TEST_F(KafkaTest, ManyCallsAtOnceAreAllCompletedOnce) {
  Component out(writer("four"));
  std::vector<const Completion*> calls;
  for (int i = 0; i < 500; ++i)
    calls.push_back(&out.driver.invoke("create", std::string(1'000, 'x'), {{"key", std::to_string(i)}}));
  EXPECT_TRUE(out.wait([&] {
    return std::all_of(calls.begin(), calls.end(),
                       [&](const Completion* one) { return out.host.completion(*one).done; });
  }));
  for (const Completion* one : calls) {
    EXPECT_EQ(one->times, 1U);
    EXPECT_EQ(one->status, CLEAT_OK) << one->text;
  }
}

TEST_F(KafkaTest, ABrokerThatGoesAndComesBack) {
  Component out(writer());
  Component in(reader(kOldest));
  in.read();
  out.write_all({"0"});
  ASSERT_TRUE(in.wait_for(1));
  cluster.set_up(1, false);
  EXPECT_TRUE(out.wait([&] { return out.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_EQ(out.driver.ping(200ms).status, CLEAT_UNAVAILABLE);
  const Completion& waiting = out.driver.invoke("create", "1");
  cluster.set_up(1, true);
  EXPECT_TRUE(out.wait([&] { return out.host.completion(waiting).done; }));
  EXPECT_EQ(waiting.status, CLEAT_OK) << waiting.text;
  EXPECT_TRUE(in.wait_for(2));
  EXPECT_TRUE(out.wait([&] { return out.host.health().first == CLEAT_HEALTH_UP; }));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(KafkaTest, ANameServerThatDoesNotAnswerHoldsUpNoStop) {
  // Longer than the component: what looks the name up is left to itself.
  testing::HangingResolver resolver;
  Component both(
      {{"brokers", "hangs.invalid:9092"}, {"topics", "in"}, {"consumerGroup", "g"}, {"publishTopic", "in"}});
  EXPECT_EQ(both.driver.begin_input({64, 0, 0}).status, CLEAT_OK);
  testing::HangingResolver::wait_until_asked();
  both.driver.end_input();
  EXPECT_EQ(both.driver.stop(5s).status, CLEAT_OK);
}

/// Whether a broker has the record is not known: nobody is told that it was not written.
void expect_unknown(const Completion& call, cleat_status status) {
  EXPECT_EQ(call.status, status);
  EXPECT_EQ(call.flags, 0U);
  EXPECT_NE(call.text.find("a broker may have it"), std::string::npos) << call.text;
}

#if RD_KAFKA_VERSION >= 0x020b0000
TEST_F(KafkaTest, AnAnswerThatDoesNotComeLeavesOpenWhetherTheRecordIsThere) {
  Component out(writer());
  out.write_all({"0"});
  rd_kafka_mock_broker_push_request_error_rtts(cluster.get(), 1, kProduce, 1, RD_KAFKA_RESP_ERR_NO_ERROR,
                                               60'000);
  const Completion& call = out.driver.invoke("create", "1");
  std::size_t unanswered = 1;
  EXPECT_TRUE(out.wait([&] {
    return rd_kafka_mock_broker_error_stack_cnt(cluster.get(), 1, kProduce, &unanswered) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           unanswered == 0;
  })) << "the request is out";
  EXPECT_EQ(out.driver.stop(1s).status, CLEAT_OK);
  expect_unknown(call, CLEAT_CANCELLED);
}
#endif

TEST_F(KafkaTest, ARecordThatWasAppendedAndNotCopiedMayBeThere) {
  Pairs metadata = writer();
  metadata.emplace_back("producerRetryMax", "0");
  Component out(metadata);
  rd_kafka_mock_push_request_errors(cluster.get(), kProduce, 1,
                                    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  expect_unknown(out.write("x"), CLEAT_UNAVAILABLE);
  rd_kafka_mock_push_request_errors(cluster.get(), kProduce, 1, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
  expect_unknown(out.write("x"), CLEAT_TIMEOUT);
  rd_kafka_mock_push_request_errors(cluster.get(), kProduce, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  const Completion refused = out.write("x");
  EXPECT_EQ(refused.status, CLEAT_UNAVAILABLE);
  EXPECT_EQ(refused.flags, CLEAT_RETRYABLE);
}

TEST(KafkaWithoutABrokerTest, CallsFailInTimeWithTheCause) {
  const testing::DeadPort port;
  Component both(
      {{"brokers", port.address()}, {"topics", "in"}, {"publishTopic", "out"}, {"consumerGroup", "g"}});
  EXPECT_EQ(both.driver.begin_input().status, CLEAT_OK);
  const auto start = std::chrono::steady_clock::now();
  const Completion call = both.write("x", {}, 3s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
  EXPECT_EQ(call.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(call.text.find(port.address()), std::string::npos) << call.text;
  EXPECT_NE(call.text.find("Connection refused"), std::string::npos) << call.text;
  EXPECT_TRUE(both.wait([&] { return both.host.health().first == CLEAT_HEALTH_DOWN; }));
  const auto stopping = std::chrono::steady_clock::now();
  both.end();
  EXPECT_LT(std::chrono::steady_clock::now() - stopping, 15s);
}

TEST(KafkaWithoutABrokerTest, StopCompletesWhatWaits) {
  const testing::DeadPort port;
  Component out({{"brokers", port.address()}, {"publishTopic", "out"}}, CLEAT_OUT);
  const Completion& call = out.driver.invoke("create", "x");
  EXPECT_EQ(out.driver.stop(1s).status, CLEAT_OK);
  EXPECT_TRUE(call.done);
  EXPECT_EQ(call.times, 1U);
  EXPECT_NE(call.status, CLEAT_OK);
}

}  // namespace
}  // namespace cleat::kafka
