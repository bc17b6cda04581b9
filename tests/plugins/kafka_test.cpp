#include "kafka_fixture.hpp"

namespace cleat::kafka {
namespace {

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

TEST_F(KafkaTest, WhatWasAcknowledgedDoesNotCarryThePositionPastWhatComesAgain) {
  Component(writer()).write_all({"0", "1", "2"});
  {
    Component in(reader(kOldest));
    in.read();
    ASSERT_TRUE(in.wait_for(3));
    in.driver.end_input();
    in.driver.settle(in.id_of("1"));
    in.driver.settle(in.id_of("0"), CLEAT_ABANDON);
    in.driver.settle(in.id_of("2"), CLEAT_ABANDON);
    in.driver.begin_input();
    ASSERT_TRUE(in.wait_for(5)) << "0 and 2 come again";
    EXPECT_EQ(in.host.delivered_at(3).data, "0");
    EXPECT_EQ(in.host.delivered_at(4).data, "2");
    in.end();
  }
  Component again(reader());
  again.read();
  ASSERT_TRUE(again.wait_for(1));
  EXPECT_EQ(again.values().front(), "0");
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
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_STALLED; }));
  EXPECT_NE(in.host.health().second.find("in/0 is not read further: the record at offset 0"),
            std::string::npos)
      << in.host.health().second;
  EXPECT_EQ(in.host.delivered_count(), 3U);
  in.driver.settle(in.id_of("0"));
  EXPECT_TRUE(in.wait_for(5));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(KafkaTest, AStallIsSaidAlsoWhenNothingIsSettled) {
  Component(writer()).write_all({"0", "1", "2", "3"});
  Component in(reader({{"initialOffset", "oldest"}, {"maxUncommitted", "3"}}));
  in.read();
  ASSERT_TRUE(in.wait_for(3));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_STALLED; }));
  in.driver.settle_all();
  EXPECT_TRUE(in.wait_for(4));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(KafkaTest, GivesASignOfLifeWithoutNews) {
  Component in(reader(kOldest));
  in.read();
  const std::size_t before = in.host.health_count();
  EXPECT_TRUE(in.wait([&] { return in.host.health_count() >= before + 2; }));
  EXPECT_EQ(in.host.health().second, "partitions assigned: in/0");
}

TEST_F(KafkaTest, APartitionWithoutALeaderDoesNotHoldUpTheOthers) {
  Component out(writer("four"));
  for (const char* partition : {"0", "1", "2", "3"})
    out.write_all({partition}, {{"partitionNumber", partition}});
  rd_kafka_mock_partition_set_leader(cluster.get(), "four", 2, -1);
  Pairs metadata = reader(kOldest);
  metadata[1].second = "four";
  Component in(metadata);
  EXPECT_EQ(in.driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(in.wait_for(3));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_DEGRADED; }));
  EXPECT_EQ(in.host.health().second.find("four/2 is not read yet"), 0U) << in.host.health().second;
  EXPECT_EQ(in.driver.settle_all(), 3U);
  rd_kafka_mock_partition_set_leader(cluster.get(), "four", 2, 1);
  ASSERT_TRUE(in.wait_for(4));
  EXPECT_EQ(in.host.delivered_at(3).data, "2");
  EXPECT_EQ(in.driver.settle_all(), 1U);
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_UP; }));
  EXPECT_FALSE(in.host.logged("partitions revoked"));
}

TEST_F(KafkaTest, NewestBeginsAtTheEndAlsoOfATopicThatWasForbiddenAtFirst) {
  Component out(writer());
  out.write_all({"old"});
  rd_kafka_mock_topic_set_error(cluster.get(), "in", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  Component in(reader({{"clientConnectionTopicMetadataRefreshInterval", "1000000000"}}));
  EXPECT_EQ(in.driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_DOWN; }));
  rd_kafka_mock_topic_set_error(cluster.get(), "in", RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_TRUE(in.wait([&] { return in.host.logged("reading begins at"); }));
  Component later(writer());
  later.write_all({"new"});
  ASSERT_TRUE(in.wait_for(1));
  EXPECT_EQ(in.values().front(), "new");
}

#if RD_KAFKA_VERSION >= 0x020b0000
/// Where a member that joins now would begin in partition 0 of the topic "in".
std::int64_t committed_offset(const std::string& brokers) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), nullptr, 0);
  rd_kafka_conf_set(conf, "group.id", "g", nullptr, 0);
  const std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> client(
      rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0), rd_kafka_destroy);
  const std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>
      list(rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy);
  rd_kafka_topic_partition_list_add(list.get(), "in", 0);
  EXPECT_EQ(rd_kafka_committed(client.get(), list.get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  return list->elems[0].offset;
}

/// The library sends a commit that failed again, behind those that were made meanwhile.
TEST_F(KafkaTest, AnOlderOffsetThatComesLaterDoesNotStay) {
  constexpr std::int16_t kOffsetCommit = 8;  // of the protocol
  Component out(writer());
  out.write_all({"0", "1"});
  Component in(reader(kOldest), CLEAT_IN, 4s);
  in.read();
  ASSERT_TRUE(in.wait_for(2));
  rd_kafka_mock_start_request_tracking(cluster.get());
  const auto commits = [&] {
    std::size_t all = 0;
    rd_kafka_mock_request_t** requests = rd_kafka_mock_get_requests(cluster.get(), &all);
    const auto found = std::count_if(requests, requests + all, [](rd_kafka_mock_request_t* one) {
      return rd_kafka_mock_request_api_key(one) == kOffsetCommit;
    });
    rd_kafka_mock_request_destroy_array(requests, all);
    return found;
  };
  // The broker says no to the first one after it has taken the second, which waits a second in the plugin.
  rd_kafka_mock_broker_push_request_error_rtts(cluster.get(), 1, kOffsetCommit, 1,
                                               RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2'500);
  in.driver.settle(in.id_of("0"));
  EXPECT_TRUE(in.wait([&] { return commits() == 1; }));
  in.driver.settle(in.id_of("1"));
  EXPECT_TRUE(in.wait([&] { return commits() >= 4; })) << "1, 2, 1 and for good 2, not " << commits();
  EXPECT_TRUE(in.wait([&] { return committed_offset(cluster.brokers()) == 2; }));
  in.end();
}

class LostOffsetTest : public KafkaTest {
 protected:
  static constexpr std::int16_t kFetch = 1;  // of the protocol
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
/// What an offset that is out of range does while events are out, and that it is believed only if it is.
TEST_F(LostOffsetTest, CommitsWhatWasOutAndGoesOnIfNothingIsLost) {
  Component out(writer());
  out.write_all({"0", "1"});
  Component in(reader(kOldest));
  in.read();
  ASSERT_TRUE(in.wait_for(2));
  rd_kafka_mock_push_request_errors(cluster.get(), kFetch, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_DEGRADED; }));
  EXPECT_EQ(in.host.health().second.find("the offset of in/0 is gone"), 0U) << in.host.health().second;
  in.driver.settle(in.id_of("1"));
  in.driver.settle(in.id_of("0"));
  EXPECT_TRUE(in.wait([&] { return in.host.health().first == CLEAT_HEALTH_UP; })) << in.host.health().second;
  out.write_all({"2"});
  ASSERT_TRUE(in.wait_for(3));
  EXPECT_EQ(in.values().back(), "2") << "neither of the others comes again";
}
#endif

}  // namespace
}  // namespace cleat::kafka
