#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "mock_cluster.hpp"
#include "plugins/fake_host.hpp"

// The whole plugin, through its table, against librdkafka's own cluster in memory.

namespace cleat::kafka {
namespace {

using testing::Completion;
using testing::Delivered;
using testing::Driver;
using testing::FakeHost;
using testing::MockCluster;
using testing::Outcome;
using testing::Pairs;
using namespace std::chrono_literals;

/// One component in its own host.
struct Component {
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  /// What the plugin said, when a test failed.
  ~Component() {
    if (!::testing::Test::HasFailure()) return;
    for (const testing::LogLine& line : host.log()) {
      std::string fields;
      for (const auto& [key, value] : line.fields)
        fields.append(" ").append(key).append("=").append(value);
      std::printf("  %d %s%s\n", line.level, line.message.c_str(), fields.c_str());
    }
    std::printf("  health %d %s\n", host.health().first, host.health().second.c_str());
  }

  explicit Component(Pairs metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT) {
    metadata.emplace_back("heartbeatInterval", "100000000");
    // The cluster in memory begins a rebalance when a second less than this is over.
    metadata.emplace_back("sessionTimeout", "2000000000");
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    const Outcome init = driver.init(metadata, directions);
    EXPECT_EQ(init.status, CLEAT_OK) << init.text;
    const Outcome start = driver.start();
    EXPECT_EQ(start.status, CLEAT_OK) << start.text;
  }
  /// Begins to read and waits until something is assigned.
  void read(const Window& window = {64, 0, 0}) {
    EXPECT_EQ(driver.begin_input(window).status, CLEAT_OK);
    EXPECT_TRUE(wait([&] { return host.health().second.find("partitions assigned") == 0; }))
        << host.health().second;
  }
  bool wait(const std::function<bool()>& done) { return host.wait_until(done); }
  bool wait_for(std::size_t events) {
    return wait([&] { return host.delivered_count() >= events; });
  }
  Completion write(const std::string& data, const Pairs& metadata = {},
                   std::chrono::nanoseconds limit = 20s) {
    const Completion& call = driver.invoke("create", data, metadata, limit);
    EXPECT_TRUE(wait([&] { return host.completion(call).done; }));
    return host.completion(call);
  }
  void write_all(const std::vector<std::string>& values, const Pairs& metadata = {}) {
    for (const std::string& value : values)
      EXPECT_EQ(write(value, metadata).status, CLEAT_OK);
  }
  std::vector<std::string> values() const {
    std::vector<std::string> values;
    for (const Delivered& event : host.delivered())
      values.push_back(event.data);
    return values;
  }
  std::uint64_t id_of(const std::string& value) const {
    for (const Delivered& event : host.delivered()) {
      if (event.data == value) return event.id;
    }
    ADD_FAILURE() << value << " was not delivered";
    return 0;
  }
  /// As at the end of the host: nothing new, what is out is abandoned, stop.
  void end() {
    driver.end_input();
    driver.settle_all(CLEAT_ABANDON);
    const Outcome stop = driver.stop();
    EXPECT_EQ(stop.status, CLEAT_OK) << stop.text;
  }

  FakeHost host{FakeHost::Clock::kSteady};
  Driver driver{host, *cleat_entry_v0(nullptr)->types[0]};
};

class KafkaTest : public ::testing::Test {
 protected:
  Pairs reader(const Pairs& more = {}) const {
    Pairs metadata{{"brokers", cluster.brokers()}, {"topics", "in"}, {"consumerGroup", "g"}};
    metadata.insert(metadata.end(), more.begin(), more.end());
    return metadata;
  }
  Pairs writer(const std::string& topic = "in") const {
    return {{"brokers", cluster.brokers()}, {"publishTopic", topic}};
  }
  MockCluster cluster{1, {{"in", 1}, {"four", 4}}};
};

const Pairs kOldest{{"initialOffset", "oldest"}};

TEST_F(KafkaTest, WhatIsWrittenIsRead) {
  Component out(writer());
  Component in(reader(kOldest));
  in.read();
  EXPECT_EQ(out.write("{\"n\":1}", {{"partitionKey", "k1"}, {"color", "red"}}).status, CLEAT_OK);
  EXPECT_FALSE(out.write("null", {{"__key", "k2"}}).has_response);
  out.write("");
  ASSERT_TRUE(in.wait_for(3));
  const Delivered first = in.host.delivered_at(0);
  EXPECT_EQ(first.data, "{\"n\":1}");
  EXPECT_EQ(first.source_id, "in/0@0");
  EXPECT_EQ(first.key, "k1");
  EXPECT_EQ(first.header("__key"), "k1");
  EXPECT_EQ(first.header("__offset"), "0");
  EXPECT_EQ(first.header("__partition"), "0");
  EXPECT_EQ(first.header("__topic"), "in");
  EXPECT_GT(first.header("__timestamp").size(), 12U);
  EXPECT_EQ(first.header("color"), "red");
  EXPECT_EQ(first.header("partitionKey"), "k1");
  EXPECT_NE(first.lane, 0U);
  EXPECT_EQ(in.host.delivered_at(1).data, "null") << "a tombstone";
  EXPECT_EQ(in.host.delivered_at(2).data, "");
  EXPECT_EQ(in.host.delivered_at(2).header("__key"), "(no such metadata)");
  EXPECT_EQ(in.host.health().first, CLEAT_HEALTH_UP);
  EXPECT_EQ(in.driver.ping().status, CLEAT_OK);
}

TEST_F(KafkaTest, OnlyTheContiguousPrefixIsCommitted) {
  Component(writer()).write_all({"0", "1", "2", "3", "4"});
  {
    Component in(reader(kOldest));
    in.read();
    ASSERT_TRUE(in.wait_for(5));
    for (const char* value : {"4", "0", "3", "1"})
      in.driver.settle(in.id_of(value));
    in.end();
  }
  Component again(reader());
  again.read();
  ASSERT_TRUE(again.wait_for(3));
  EXPECT_EQ(again.values(), (std::vector<std::string>{"2", "3", "4"}));
}

TEST_F(KafkaTest, APoisonedFirstEventIsNotSkippedByNewest) {
  Component out(writer());
  {
    Component in(reader());
    in.read();
    out.write_all({"poison"});
    ASSERT_TRUE(in.wait_for(1));
    in.end();
  }
  out.write_all({"next"});
  Component again(reader());
  again.read();
  ASSERT_TRUE(again.wait_for(2));
  EXPECT_EQ(again.values(), (std::vector<std::string>{"poison", "next"}));
}

TEST_F(KafkaTest, NewestBeginsAtTheEnd) {
  Component out(writer());
  out.write_all({"old"});
  Component in(reader());
  in.read();
  out.write_all({"new"});
  ASSERT_TRUE(in.wait_for(1));
  EXPECT_EQ(in.values(), std::vector<std::string>{"new"});
}

TEST_F(KafkaTest, AWindowOfOneHasOneEventOut) {
  Component(writer()).write_all({"0", "1", "2", "3"});
  Component in(reader(kOldest));
  in.read({1, 0, 0});
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(in.wait_for(i + 1));
    EXPECT_EQ(in.host.unsettled().size(), 1U);
    EXPECT_EQ(in.driver.settle_all(), 1U);
  }
  EXPECT_EQ(in.values(), (std::vector<std::string>{"0", "1", "2", "3"}));
}

TEST_F(KafkaTest, AFullLaneDoesNotHoldUpTheOthers) {
  Component out(writer("four"));
  for (const char* partition : {"0", "1"})
    out.write_all({"a", "b", "c"}, {{"partitionNumber", partition}});
  Pairs metadata = reader(kOldest);
  metadata[1].second = "four";
  Component in(metadata);
  in.read({64, 0, 1});
  ASSERT_TRUE(in.wait_for(2));
  std::set<std::uint64_t> lanes;
  for (const Delivered& event : in.host.delivered()) {
    EXPECT_EQ(event.data, "a");
    lanes.insert(event.lane);
  }
  EXPECT_EQ(lanes.size(), 2U);
  // Three more of one lane, while the other one stays where it is.
  const Delivered first = in.host.delivered_at(0);
  in.driver.settle(first.id);
  ASSERT_TRUE(in.wait_for(3));
  in.driver.settle(in.host.delivered_at(2).id);
  ASSERT_TRUE(in.wait_for(4));
  EXPECT_EQ(in.host.delivered_at(2).lane, first.lane);
  EXPECT_EQ(in.host.delivered_at(3).data, "c");
  EXPECT_EQ(in.host.delivered_at(3).lane, first.lane);
}

TEST_F(KafkaTest, APauseEndsAndTheWindowIsUsed) {
  Component(writer()).write_all({"0"});
  Component in(reader(kOldest));
  in.read({0, 0, 0});
  EXPECT_EQ(in.host.delivered_count(), 0U);
  in.driver.set_window({8, 0, 0});
  EXPECT_TRUE(in.wait_for(1));
}

TEST_F(KafkaTest, AbandonedEventsComeAgainInANewLane) {
  Component(writer()).write_all({"0", "1", "2"});
  Component in(reader(kOldest));
  in.read();
  ASSERT_TRUE(in.wait_for(3));
  in.driver.end_input();
  in.driver.settle(in.id_of("0"));
  in.driver.settle(in.id_of("2"));
  in.driver.settle(in.id_of("1"), CLEAT_ABANDON);
  EXPECT_EQ(in.host.delivered_count(), 3U);
  in.driver.begin_input();
  ASSERT_TRUE(in.wait_for(4));
  const Delivered again = in.host.delivered_at(3);
  EXPECT_EQ(again.data, "1") << "what was acknowledged is not delivered again";
  EXPECT_NE(again.lane, in.host.delivered_at(1).lane);
  in.driver.settle(again.id);
  Component(writer()).write_all({"3"});
  ASSERT_TRUE(in.wait_for(5));
  EXPECT_EQ(in.host.delivered_at(4).source_id, "in/0@3");
}

TEST_F(KafkaTest, NothingIsDeliveredBetweenEndAndBegin) {
  Component out(writer());
  Component in(reader(kOldest));
  in.read();
  in.driver.end_input();
  const std::uint64_t calls = in.host.deliver_calls();
  out.write_all({"0"});
  // Long enough for the record to have come through if it were let: another consumer gets it.
  Pairs metadata = reader(kOldest);
  metadata[2].second = "other";
  Component witness(metadata);
  witness.read();
  ASSERT_TRUE(witness.wait_for(1));
  EXPECT_EQ(in.host.deliver_calls(), calls);
  in.driver.begin_input();
  EXPECT_TRUE(in.wait_for(1));
}

/// Settles what is out: as the host, what is withdrawn is given back and the rest is done.
void settle_some(Component& component, std::set<std::string>& done) {
  component.driver.abandon_withdrawn();
  for (const Delivered& event : component.host.delivered()) {
    if (component.driver.settle(event.id)) done.insert(event.data);
  }
}

TEST_F(KafkaTest, NothingIsLostWhenASecondMemberComes) {
  constexpr int kRecords = 200;
  Component out(writer("four"));
  for (int i = 0; i < kRecords; ++i)
    out.driver.invoke("create", std::to_string(i), {{"partitionNumber", std::to_string(i % 4)}});
  Pairs metadata = reader(kOldest);
  metadata[1].second = "four";
  Component first(metadata);
  first.read({16, 0, 4});
  ASSERT_TRUE(first.wait_for(16));
  Component second(metadata);
  second.driver.begin_input({16, 0, 4});
  std::set<std::string> done;
  ASSERT_TRUE(first.wait([&] {
    first.driver.abandon_withdrawn();
    return second.host.health().second.find("partitions assigned") == 0;
  })) << second.host.health().second;
  EXPECT_TRUE(first.wait([&] {
    settle_some(first, done);
    settle_some(second, done);
    return done.size() == kRecords;
  })) << done.size();
  EXPECT_FALSE(first.host.withdrawn().empty());
  EXPECT_GT(second.host.delivered_count(), 0U);
}

TEST_F(KafkaTest, TooManyUncommittedRecordsStopThePartition) {
  Component(writer()).write_all({"0", "1", "2", "3", "4"});
  Component in(reader({{"initialOffset", "oldest"}, {"maxUncommitted", "3"}}));
  in.read();
  ASSERT_TRUE(in.wait_for(3));
  in.driver.settle(in.id_of("1"));
  in.driver.settle(in.id_of("2"));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_DEGRADED; }));
  EXPECT_NE(in.host.health().second.find("in/0 is not read further: the record at offset 0"),
            std::string::npos)
      << in.host.health().second;
  EXPECT_EQ(in.host.delivered_count(), 3U);
  in.driver.settle(in.id_of("0"));
  EXPECT_TRUE(in.wait_for(5));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_UP; }));
}

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

#if RD_KAFKA_VERSION >= 0x020b0000
class LostOffsetTest : public KafkaTest {
 protected:
  /// Leaves the group at offset 1 of a partition that begins at 3.
  void lose() {
    Component out(writer());
    out.write_all({"0", "1", "2", "3", "4"});
    Component in(reader(kOldest));
    in.read({1, 0, 0});
    ASSERT_TRUE(in.wait_for(1));
    in.driver.settle_all();
    in.end();
    rd_kafka_mock_partition_delete_records(cluster.get(), "in", 0, 3);
  }
};

TEST_F(LostOffsetTest, StopsAndSaysSo) {
  lose();
  Component in(reader(kOldest));
  in.driver.begin_input();
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_EQ(in.host.health().second.find("the offset 1 of in/0 is gone: the partition holds 3 to 5 now"), 0U)
      << in.host.health().second;
  EXPECT_EQ(in.host.delivered_count(), 0U);
}

TEST_F(LostOffsetTest, GoesOnWhereItIsTold) {
  lose();
  Component in(reader({{"onOffsetLost", "oldest"}}));
  in.read();
  ASSERT_TRUE(in.wait_for(2));
  EXPECT_EQ(in.values(), (std::vector<std::string>{"3", "4"}));
  EXPECT_TRUE(in.host.logged("reading goes on at 3"));
}
#endif

/// A port at which nobody answers, for as long as this lives.
class DeadPort {
 public:
  DeadPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  DeadPort(const DeadPort&) = delete;
  DeadPort& operator=(const DeadPort&) = delete;
  ~DeadPort() { close(fd_); }
  [[nodiscard]] std::string broker() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  int port_ = 0;
};

TEST(KafkaWithoutABrokerTest, CallsFailInTimeWithTheCause) {
  const DeadPort port;
  Component both(
      {{"brokers", port.broker()}, {"topics", "in"}, {"publishTopic", "out"}, {"consumerGroup", "g"}});
  EXPECT_EQ(both.driver.begin_input().status, CLEAT_OK);
  const auto start = std::chrono::steady_clock::now();
  const Completion call = both.write("x", {}, 2s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_EQ(call.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(call.text.find(port.broker()), std::string::npos) << call.text;
  EXPECT_NE(call.text.find("Connection refused"), std::string::npos) << call.text;
  EXPECT_EQ(both.host.health().first, CLEAT_HEALTH_DOWN);
  const auto stopping = std::chrono::steady_clock::now();
  both.end();
  EXPECT_LT(std::chrono::steady_clock::now() - stopping, 5s);
}

TEST(KafkaWithoutABrokerTest, StopCompletesWhatWaits) {
  const DeadPort port;
  Component out({{"brokers", port.broker()}, {"publishTopic", "out"}}, CLEAT_OUT);
  const Completion& call = out.driver.invoke("create", "x");
  EXPECT_EQ(out.driver.stop(1s).status, CLEAT_OK);
  EXPECT_TRUE(call.done);
  EXPECT_EQ(call.times, 1U);
  EXPECT_NE(call.status, CLEAT_OK);
}

}  // namespace
}  // namespace cleat::kafka
