#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "plugins/hanging_resolver.hpp"
#include "plugins/mqtt3_fixture.hpp"

namespace cleat::mqtt {
namespace {

using namespace std::chrono_literals;
using as_broker::Peer;
using cleat::testing::Completion;

class Mqtt3Output : public Mqtt3Test {
 protected:
  Peer take(std::string_view properties = {}) {
    Peer peer = broker_.accept();
    EXPECT_EQ(peer.read()->type(), 1U);
    peer.send(as_broker::connack(version(), false, 0, properties));
    EXPECT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
    return peer;
  }
  Publish published(Peer& peer) {
    received_ = peer.read().value_or(as_broker::Received{});
    const Packet packet = decode({static_cast<std::uint8_t>(received_.first), received_.body}, version());
    EXPECT_TRUE(std::holds_alternative<Publish>(packet));
    return std::holds_alternative<Publish>(packet) ? std::get<Publish>(packet) : Publish{};
  }
  std::string puback(unsigned id, unsigned code = 0) {
    std::string body;
    put_two_bytes(body, id);
    if (version() == Version::v5) put_byte(body, code);
    return as_broker::packet(0x40, body);
  }
  bool waits_for(const Completion& call) {
    return host_.wait_until([&] { return call.done; });
  }
  as_broker::Received received_;
};
INSTANTIATE_TEST_SUITE_P(Versions, Mqtt3Output, ::testing::Values(Version::v3_1_1, Version::v5),
                         name_of_version);

TEST_P(Mqtt3Output, SucceedsWhenTheBrokerHasIt) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& call = driver_.invoke("create", "hello");
  const Publish publish = published(peer);
  EXPECT_EQ(publish.topic, "t");
  EXPECT_EQ(publish.payload, "hello");
  EXPECT_EQ(publish.qos, 1);
  EXPECT_FALSE(publish.retained);
  EXPECT_FALSE(host_.wait_until([&] { return call.done; }, 100ms));
  peer.send(puback(publish.id));
  ASSERT_TRUE(waits_for(call));
  EXPECT_EQ(call.status, CLEAT_OK);
  EXPECT_FALSE(call.has_response);
}

TEST_P(Mqtt3Output, Qos0SucceedsWhenItIsSent) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& call = driver_.invoke("create", "", {{"topic", "a/b"}, {"qos", "0"}, {"retain", "true"}});
  ASSERT_TRUE(waits_for(call));
  EXPECT_EQ(call.status, CLEAT_OK);
  const Publish publish = published(peer);
  EXPECT_EQ(publish.topic, "a/b");
  EXPECT_EQ(publish.payload, "");
  EXPECT_TRUE(publish.retained);
}

TEST_P(Mqtt3Output, WhatIsNotAcknowledgedInTimeIsNotSaidToBeLost) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& call = driver_.invoke("create", "hello", {}, 3s);
  published(peer);
  ASSERT_TRUE(waits_for(call));
  EXPECT_EQ(call.status, CLEAT_TIMEOUT);
  EXPECT_EQ(call.text.substr(0, 41), "failed to publish: mqtt client timeout: t") << call.text;
  EXPECT_NE(call.text.find("the broker may have it"), std::string::npos);
  const Completion& next = driver_.invoke("create", "next");
  peer.send(puback(published(peer).id));
  ASSERT_TRUE(waits_for(next));
  EXPECT_EQ(next.status, CLEAT_OK);
}

TEST_P(Mqtt3Output, ALostConnectionEndsWhatWasSentAndIsFoundAgain) {
  start({}, CLEAT_OUT);
  const Completion* first = nullptr;
  {
    Peer peer = take();
    first = &driver_.invoke("create", "first");
    published(peer);
  }
  ASSERT_TRUE(waits_for(*first));
  EXPECT_EQ(first->status, CLEAT_UNAVAILABLE);
  EXPECT_NE(first->text.find("the broker may have it"), std::string::npos) << first->text;
  const Completion& second =
      driver_.invoke("create", "second");  // waits for the connection that is being tried for
  Peer peer = take();
  const Publish publish = published(peer);
  EXPECT_EQ(publish.payload, "second") << "and not the first one, which has failed";
  peer.send(puback(publish.id));
  ASSERT_TRUE(waits_for(second));
  EXPECT_EQ(second.status, CLEAT_OK);
}

TEST_P(Mqtt3Output, ARefusedConnectionIsSaid) {
  start({}, CLEAT_OUT);
  {
    Peer peer = broker_.accept();
    peer.read();
    peer.send(as_broker::connack(version(), false, version() == Version::v5 ? 0x86 : 4));
    ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  }
  const Completion& call = driver_.invoke("create", "x");
  ASSERT_TRUE(waits_for(call));
  EXPECT_EQ(call.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(call.text.find("bad user name or password"), std::string::npos) << call.text;
}

TEST_P(Mqtt3Output, TheStopCompletesWhatIsOut) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& call = driver_.invoke("create", "x");
  published(peer);
  EXPECT_EQ(driver_.stop(1s).status, CLEAT_OK);
  EXPECT_TRUE(call.done);
  EXPECT_EQ(call.times, 1U);
  EXPECT_EQ(call.status, CLEAT_UNAVAILABLE);
}

TEST_P(Mqtt3Output, AResolverThatSaysNothingHoldsUpNoStop) {
  const cleat::testing::HangingResolver system;
  start({{"url", "tcp://hangs.invalid:1883"}}, CLEAT_IN | CLEAT_OUT);
  cleat::testing::HangingResolver::wait_until_asked();
  EXPECT_EQ(driver_.stop().status, CLEAT_OK);
}

TEST_P(Mqtt3Output, TextThatTheLibraryDoesNotSendIsRefusedAndHoldsUpNothing) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& topic = driver_.invoke("create", "x", {{"topic", "a\nb"}});
  ASSERT_TRUE(waits_for(topic));
  EXPECT_EQ(topic.status, CLEAT_INVALID) << topic.text;
  const Completion& sound = driver_.invoke("create", "x");
  peer.send(puback(published(peer).id));
  ASSERT_TRUE(waits_for(sound));
  EXPECT_EQ(sound.status, CLEAT_OK);
}

TEST_P(Mqtt3Output, WrongRequestsAreRefused) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  EXPECT_EQ(driver_.invoke("delete").status, CLEAT_UNSUPPORTED);
  EXPECT_EQ(driver_.invoke("create", "x", {{"topic", "a/#"}}).status, CLEAT_INVALID);
}

using Mqtt5Output = Mqtt3Output;
INSTANTIATE_TEST_SUITE_P(Version5, Mqtt5Output, ::testing::Values(Version::v5));

TEST_P(Mqtt5Output, ThePubacksReasonIsShown) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& call = driver_.invoke("create", "x");
  peer.send(puback(published(peer).id, 0x87));
  ASSERT_TRUE(waits_for(call));
  EXPECT_EQ(call.status, CLEAT_DENIED);
  EXPECT_NE(call.text.find("not authorized"), std::string::npos);
}

constexpr std::string_view kReceiveOne("\x21\x00\x01", 3);

TEST_P(Mqtt5Output, NoMoreIsSentThanTheBrokerTakes) {
  start({}, CLEAT_OUT);
  Peer peer = take(kReceiveOne);
  const Completion& first = driver_.invoke("create", "1");
  const Completion& second = driver_.invoke("create", "2", {}, 800ms);
  const unsigned id = published(peer).id;
  EXPECT_FALSE(peer.read(200ms));
  ASSERT_TRUE(waits_for(second));
  EXPECT_EQ(second.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(second.text.find("was not sent"), std::string::npos) << second.text;
  peer.send(puback(id));
  ASSERT_TRUE(waits_for(first));
  EXPECT_EQ(first.status, CLEAT_OK);
}

TEST_P(Mqtt5Output, WhatIsLateIsStillInFlightUntilTheConnectionIsGivenUp) {
  start({}, CLEAT_OUT);
  Peer peer = take(kReceiveOne);
  const Completion& late = driver_.invoke("create", "late", {}, 2s);
  const Publish first = published(peer);
  ASSERT_TRUE(waits_for(late));
  const Completion& waits = driver_.invoke("create", "waits", {}, 400ms);
  ASSERT_TRUE(waits_for(waits));
  EXPECT_EQ(waits.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(waits.text.find("does not acknowledge those before it"), std::string::npos) << waits.text;
  peer.send(puback(first.id));
  const Completion& unacknowledged = driver_.invoke("create", "unacknowledged", {}, 2s);
  EXPECT_EQ(published(peer).payload, "unacknowledged") << "there is room again";
  ASSERT_TRUE(waits_for(unacknowledged));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DOWN));
  EXPECT_NE(host_.health().second.find("acknowledges nothing"), std::string::npos) << host_.health().second;
  const Completion& next = driver_.invoke("create", "next");
  Peer again = take();
  const Publish publish = published(again);
  EXPECT_EQ(publish.payload, "next") << "and not one whose call has ended";
  again.send(puback(publish.id));
  ASSERT_TRUE(waits_for(next));
  EXPECT_EQ(next.status, CLEAT_OK);
}

TEST_P(Mqtt5Output, MetadataBecomesProperties) {
  start({}, CLEAT_OUT);
  Peer peer = take();
  const Completion& call = driver_.invoke("create", "x",
                                          {{"contentType", "text/plain"},
                                           {"responseTopic", "re/ply"},
                                           {"correlationData", "id-1"},
                                           {"ttl", "60"},
                                           {"colour", "blue"}});
  const Publish publish = published(peer);
  EXPECT_EQ(publish.properties.content_type, "text/plain");
  EXPECT_EQ(publish.properties.response_topic, "re/ply");
  EXPECT_EQ(publish.properties.correlation_data, "id-1");
  EXPECT_EQ(publish.properties.message_expiry, 60U);
  ASSERT_EQ(publish.properties.user.size(), 1U);
  EXPECT_EQ(publish.properties.user[0].first, "colour");
  peer.send(puback(publish.id));
  EXPECT_TRUE(waits_for(call));
}

}  // namespace
}  // namespace cleat::mqtt
