#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "plugins/mqtt3_fixture.hpp"

namespace cleat::mqtt {
namespace {

using namespace std::chrono_literals;
using as_broker::Peer;

class Mqtt3Input : public Mqtt3Test {
 protected:
  void begin(const Pairs& more = {}, Window window = {64, 0, 0}) {
    start(more, CLEAT_IN);
    ASSERT_EQ(driver_.begin_input(window).status, CLEAT_OK);
  }
  /// Takes the next connection and its CONNECT.
  Peer take(bool session_present = false) {
    Peer peer = broker_.accept();
    connect_ = peer.read().value_or(as_broker::Received{});
    EXPECT_EQ(connect_.type(), 1U);
    peer.send(as_broker::connack(version(), session_present));
    return peer;
  }
  Peer take_and_subscribe(bool session_present = false) {
    Peer peer = take(session_present);
    EXPECT_EQ(peer.read()->type(), 8U);
    peer.send(as_broker::suback(version()));
    EXPECT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
    return peer;
  }
  /// On a connection with a session that is subscribed to already.
  Peer take_again() {
    if (version() == Version::v5) return take_and_subscribe(true);
    Peer peer = take(true);
    EXPECT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
    return peer;
  }
  std::string message(std::string_view payload, unsigned id, unsigned qos = 1) {
    return as_broker::publish(version(), "t", payload, id, qos);
  }
  std::string repeated(std::string_view payload, unsigned id) {
    return as_broker::publish(version(), "t", payload, id, 1, true);
  }
  bool waits_for_events(std::size_t count) {
    return host_.wait_until([&] { return host_.delivered_count() >= count; });
  }
  /// The packet identifiers of the next acknowledgements.
  static std::vector<unsigned> acks(Peer& peer, std::size_t count) {
    std::vector<unsigned> found;
    while (found.size() < count) {
      const auto packet = peer.read();
      if (!packet || packet->type() != 4) break;
      found.push_back(static_cast<unsigned char>(packet->body[0]) * 256U +
                      static_cast<unsigned char>(packet->body[1]));
    }
    return found;
  }
  static bool is_quiet(Peer& peer) { return !peer.read(200ms); }

  as_broker::Received connect_;
};
INSTANTIATE_TEST_SUITE_P(Versions, Mqtt3Input, ::testing::Values(Version::v3_1_1, Version::v5),
                         name_of_version);

TEST_P(Mqtt3Input, AcknowledgesAfterTheSettlementAndInOrder) {
  begin();
  Peer peer = take_and_subscribe();
  peer.send(message("a", 10) + message("b", 11) + message("c", 12));
  ASSERT_TRUE(waits_for_events(3));
  EXPECT_TRUE(is_quiet(peer));
  const auto events = host_.delivered();
  EXPECT_EQ(events[1].data, "b");
  EXPECT_EQ(events[0].header("topic"), "t");
  EXPECT_EQ(events[0].lane, 0U);
  driver_.settle(events[2].id);
  driver_.settle(events[1].id);
  EXPECT_TRUE(is_quiet(peer));
  driver_.settle(events[0].id);
  EXPECT_EQ(acks(peer, 3), (std::vector<unsigned>{10, 11, 12}));
}

TEST_P(Mqtt3Input, ConnectsWithAPersistentSession) {
  begin({}, {7, 0, 0});
  Peer peer = take_and_subscribe();
  Connect expected;
  expected.version = version();
  expected.client_id = "me-consumer";
  if (version() == Version::v5) {
    expected.session_expiry_s = 604'800;
    expected.receive_maximum = 7;
  }
  EXPECT_EQ(connect_.body, encode(expected).substr(2));
}

TEST_P(Mqtt3Input, TakesNoMoreThanTheWindow) {
  begin({}, {2, 0, 0});
  Peer peer = take_and_subscribe();
  std::string sent;
  for (unsigned id = 1; id <= 10; ++id)
    sent += message(std::to_string(id), id);
  peer.send(sent);
  for (std::size_t done = 0; done < 10; done += 2) {
    ASSERT_TRUE(waits_for_events(done + 2));
    EXPECT_EQ(host_.delivered_count(), done + 2);
    for (const auto& [id, size] : host_.unsettled())
      driver_.settle(id);
    EXPECT_EQ(acks(peer, 2).size(), 2U);
  }
}

TEST_P(Mqtt3Input, EmptyAndBinaryPayloadsOfBothQos) {
  begin();
  Peer peer = take_and_subscribe();
  const std::string binary("\0\x01\xff\r\n", 5);
  const std::string large(300'000, 'x');
  peer.send(message("", 1) + message(binary, 2) + message(large, 3) + message("gone", 0, 0));
  ASSERT_TRUE(waits_for_events(4));
  const auto events = host_.delivered();
  EXPECT_EQ(events[0].data, "");
  EXPECT_EQ(events[1].data, binary);
  EXPECT_EQ(events[2].data, large);
  EXPECT_EQ(events[3].header("qos"), "0");
  driver_.settle_all();
  EXPECT_EQ(acks(peer, 3), (std::vector<unsigned>{1, 2, 3}));
  EXPECT_TRUE(is_quiet(peer));
}

TEST_P(Mqtt3Input, SaysWhichEventHoldsUpTheOthers) {
  begin({{"receiveMaximum", "3"}});
  Peer peer = take_and_subscribe();
  const auto began = std::chrono::steady_clock::now();
  peer.send(message("held", 1) + message("b", 2) + message("c", 3));
  ASSERT_TRUE(waits_for_events(3));
  const auto events = host_.delivered();
  driver_.settle(events[1].id);
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_STALLED));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 2s) << "a moment is no stall";
  EXPECT_NE(host_.health().second.find(events[0].source_id), std::string::npos) << host_.health().second;
  driver_.settle(events[0].id);
  EXPECT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
  EXPECT_EQ(acks(peer, 2), (std::vector<unsigned>{1, 2}));
}

TEST_P(Mqtt3Input, StaysAliveAndListeningWhileStalled) {
  begin({{"receiveMaximum", "2"}, {"keepAlive", "3000000000"}});
  Peer peer = take_and_subscribe();
  peer.send(message("held", 1) + message("b", 2));
  ASSERT_TRUE(waits_for_events(2));
  const auto events = host_.delivered();
  driver_.settle(events[1].id);
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_STALLED));
  for (int i = 0; i < 2; ++i) {
    const auto ping = peer.read();
    ASSERT_TRUE(ping && ping->type() == 12);
    peer.send(as_broker::pingresp());
  }
  driver_.settle(events[0].id);
  EXPECT_EQ(acks(peer, 2).size(), 2U);
}

TEST_P(Mqtt3Input, ARepetitionOnTheNextConnectionIsNotDeliveredTwice) {
  begin();
  {
    Peer peer = take_and_subscribe();
    peer.send(message("a", 1) + message("b", 2));
    ASSERT_TRUE(waits_for_events(2));
  }
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  const auto events = host_.delivered();
  driver_.settle(events[0].id);  // while nobody can be told
  Peer peer = take_again();
  peer.send(repeated("a", 1) + repeated("b", 2) + message("c", 3));
  EXPECT_EQ(acks(peer, 1), std::vector<unsigned>{1});
  ASSERT_TRUE(waits_for_events(3));
  EXPECT_EQ(host_.delivered_at(2).data, "c");
  driver_.settle_all();
  EXPECT_EQ(acks(peer, 2), (std::vector<unsigned>{2, 3}));
}

TEST_P(Mqtt3Input, AnEqualMessageThatIsNoRepetitionIsDelivered) {
  begin();
  {
    Peer peer = take_and_subscribe();
    peer.send(message("on", 1) + message("on", 2));
    ASSERT_TRUE(waits_for_events(2));
  }
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  driver_.settle(host_.delivered_at(0).id);
  Peer peer = take_again();
  peer.send(message("on", 1) + message("on", 2));  // of a broker that forgot what was in flight
  ASSERT_TRUE(waits_for_events(4));
  EXPECT_TRUE(is_quiet(peer));
  driver_.settle_all();
  EXPECT_EQ(acks(peer, 2), (std::vector<unsigned>{1, 2}));
}

TEST_P(Mqtt3Input, ARepetitionIsKnownAfterAConnectionThatBroughtNothing) {
  begin();
  {
    Peer peer = take_and_subscribe();
    peer.send(message("a", 1));
    ASSERT_TRUE(waits_for_events(1));
  }
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  driver_.settle_all();
  { const Peer peer = take_again(); }
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  Peer peer = take_again();
  peer.send(repeated("a", 1));
  EXPECT_EQ(acks(peer, 1), std::vector<unsigned>{1});
  EXPECT_EQ(host_.delivered_count(), 1U);
}

TEST_P(Mqtt3Input, ALostSessionIsSaidAndItsEventsAreFinished) {
  begin();
  {
    Peer peer = take_and_subscribe();
    peer.send(message("a", 1));
    ASSERT_TRUE(waits_for_events(1));
  }
  Peer peer = take_and_subscribe(false);
  EXPECT_TRUE(host_.logged("has no session of this client any more"));
  EXPECT_TRUE(host_.withdrawn().empty());
  peer.send(message("new", 1));
  ASSERT_TRUE(waits_for_events(2));
  driver_.settle(host_.delivered_at(0).id);
  EXPECT_TRUE(is_quiet(peer));
  driver_.settle(host_.delivered_at(1).id);
  EXPECT_EQ(acks(peer, 1), std::vector<unsigned>{1});
}

TEST_P(Mqtt3Input, WhatIsAbandonedComesAgainWithoutANewConnection) {
  begin();
  Peer peer = take_and_subscribe();
  peer.send(message("a", 1) + message("b", 2) + message("c", 3));
  ASSERT_TRUE(waits_for_events(3));
  driver_.settle(host_.delivered_at(1).id);
  ASSERT_EQ(driver_.end_input().status, CLEAT_OK);
  driver_.settle_all(CLEAT_ABANDON);
  EXPECT_TRUE(is_quiet(peer));
  ASSERT_EQ(driver_.begin_input({64, 0, 0}).status, CLEAT_OK);
  ASSERT_TRUE(waits_for_events(5));
  EXPECT_EQ(host_.delivered_at(3).data, "a");
  EXPECT_EQ(host_.delivered_at(4).data, "c");
  EXPECT_EQ(host_.delivered_at(3).source_id, host_.delivered_at(0).source_id);
  EXPECT_NE(host_.delivered_at(3).id, host_.delivered_at(0).id);
  driver_.settle_all();
  EXPECT_EQ(acks(peer, 3), (std::vector<unsigned>{1, 2, 3}));
}

TEST_P(Mqtt3Input, WhatIsGivenBackDoesNotWaitForTheBroker) {
  begin();
  {
    Peer peer = take_and_subscribe();
    peer.send(message("a", 1));
    ASSERT_TRUE(waits_for_events(1));
  }
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  driver_.settle_all(CLEAT_ABANDON);
  ASSERT_TRUE(waits_for_events(2));
  driver_.settle_all();
  Peer peer = take_again();
  peer.send(repeated("a", 1));
  EXPECT_EQ(acks(peer, 1), std::vector<unsigned>{1});
}

TEST_P(Mqtt3Input, LeavesWithADisconnectAndTheLastAcknowledgements) {
  begin();
  Peer peer = take_and_subscribe();
  peer.send(message("a", 1) + message("b", 2));
  ASSERT_TRUE(waits_for_events(2));
  driver_.end_input();
  driver_.settle(host_.delivered_at(0).id);
  driver_.settle(host_.delivered_at(1).id, CLEAT_ABANDON);
  driver_.stop();
  EXPECT_EQ(acks(peer, 1), std::vector<unsigned>{1});
  EXPECT_EQ(peer.read()->type(), 14U);
  EXPECT_EQ(peer.read()->first, 0U);
}

TEST_P(Mqtt3Input, APacketAboveTheBoundIsNotReadAndNotLost) {
  begin({{"maxPacketSize", "1024"}});
  Peer peer = take_and_subscribe();
  peer.send(message(std::string(2'000, 'x'), 1).substr(0, 100));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  EXPECT_NE(host_.health().second.find("maxPacketSize"), std::string::npos) << host_.health().second;
  EXPECT_EQ(peer.read()->type(), 14U);
  EXPECT_EQ(host_.delivered_count(), 0U);
}

TEST_P(Mqtt3Input, ABrokerThatBreaksTheProtocolIsLeft) {
  begin();
  Peer peer = take_and_subscribe();
  peer.send(message("a", 1) + message("b", 1));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  EXPECT_NE(host_.health().second.find("same packet identifier"), std::string::npos) << host_.health().second;
}

TEST_P(Mqtt3Input, ConnectionsThatEndAtOnceAreNoFight) {
  begin();
  for (int i = 0; i < 6; ++i)
    take(i > 0);
  ASSERT_TRUE(
      host_.wait_until([&] { return host_.health().second.find("another client") != std::string::npos; }));
  EXPECT_NE(host_.health().second.find("me-consumer"), std::string::npos);
  EXPECT_FALSE(broker_.is_asked(1s));
}

TEST_P(Mqtt3Input, PingAsksTheBroker) {
  begin();
  Peer peer = take_and_subscribe();
  EXPECT_EQ(driver_.ping(100ms).status, CLEAT_UNAVAILABLE);
  EXPECT_EQ(peer.read()->type(), 12U);
  peer.send(as_broker::pingresp());
  peer.send(as_broker::pingresp());  // the answer to the next one is there before the question
  EXPECT_TRUE(driver_.ping(10s).status == CLEAT_OK);
}

TEST_P(Mqtt3Input, ACleanSessionIsNotKept) {
  begin({{"cleanSession", "true"}});
  {
    Peer peer = take_and_subscribe();
    peer.send(message("a", 1));
    ASSERT_TRUE(waits_for_events(1));
  }
  Peer peer = take_and_subscribe();
  EXPECT_FALSE(host_.logged("has no session of this client any more"));
  driver_.settle_all();
  EXPECT_TRUE(is_quiet(peer));
}

using Mqtt5Input = Mqtt3Input;
INSTANTIATE_TEST_SUITE_P(Version5, Mqtt5Input, ::testing::Values(Version::v5));

TEST_P(Mqtt5Input, ATakenSessionEndsTheInput) {
  begin();
  Peer peer = take_and_subscribe();
  peer.send(message("a", 1));
  ASSERT_TRUE(waits_for_events(1));
  peer.send(as_broker::disconnect(0x8e));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  EXPECT_NE(host_.health().second.find("another client with the id 'me-consumer'"), std::string::npos);
  EXPECT_EQ(host_.withdrawn(), std::vector<std::uint64_t>{host_.delivered_at(0).id});
  EXPECT_FALSE(broker_.is_asked(1s)) << "no fight";
  driver_.settle_all();
  ASSERT_EQ(driver_.end_input().status, CLEAT_OK);
  ASSERT_EQ(driver_.begin_input({64, 0, 0}).status, CLEAT_OK);
  take_and_subscribe(true);
}

TEST_P(Mqtt5Input, PropertiesBecomeMetadata) {
  begin();
  Peer peer = take_and_subscribe();
  std::string properties = as_broker::text_property(3, "text/plain") + as_broker::text_property(8, "re/ply") +
                           as_broker::text_property(9, "id 1") + as_broker::user_property("colour", "blue") +
                           as_broker::user_property("traceparent", "00-1-2-01");
  peer.send(as_broker::publish(version(), "t", "x", 1, 1, false, properties) +
            as_broker::publish(version(), "t", "x", 2, 1, false, as_broker::text_property(9, "\x01")));
  ASSERT_TRUE(waits_for_events(2));
  const auto event = host_.delivered_at(0);
  EXPECT_EQ(event.content_type, "text/plain");
  EXPECT_EQ(event.header("responseTopic"), "re/ply");
  EXPECT_EQ(event.header("correlationData"), "id 1");
  EXPECT_EQ(event.header("colour"), "blue");
  EXPECT_EQ(event.traceparent, "00-1-2-01");
  EXPECT_EQ(host_.delivered_at(1).header("correlationDataBase64"), "AQ==");
}

}  // namespace
}  // namespace cleat::mqtt
