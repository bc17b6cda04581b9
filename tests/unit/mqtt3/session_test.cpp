#include "session.hpp"

#include <gtest/gtest.h>

#include <string>

#include "frame_reader.hpp"
#include "plugins/mqtt3_bytes.hpp"

namespace cleat::mqtt {
namespace {

using Ended = Session::Ended;
using How = Session::Ended::How;
constexpr std::uint64_t kSecond = 1'000'000'000;

class MqttSession : public ::testing::TestWithParam<Version> {
 protected:
  static Version version() { return GetParam(); }
  Session& open(bool is_subscribed = false, bool clean = false) {
    SessionOptions options;
    options.connect.version = version();
    options.connect.client_id = "me";
    options.connect.clean = clean;
    options.filter = "a/#";
    options.is_subscribed = is_subscribed;
    return session_.emplace(options, now_);
  }
  Session::Heard hear(const std::string& bytes) {
    frames_ = FrameReader(1 << 20);
    frames_.append(bytes);
    Frame frame;
    EXPECT_EQ(frames_.peek(frame), FrameReader::Found::frame);
    return session_->hear(decode(frame, version()), now_);
  }
  /// How it ended; fails if it did not.
  Ended end_of(const Session::Heard& heard) {
    const auto* ended = std::get_if<Ended>(&heard);
    EXPECT_NE(ended, nullptr);
    return ended == nullptr ? Ended{} : *ended;
  }
  void go_live() {
    open();
    hear(as_broker::connack(version()));
    hear(as_broker::suback(version()));
    session_->output.clear();
    session_->sent(now_);
  }
  std::uint64_t now_ = 100 * kSecond;
  FrameReader frames_{1000};
  std::optional<Session> session_;
};
INSTANTIATE_TEST_SUITE_P(Versions, MqttSession, ::testing::Values(Version::v3_1_1, Version::v5),
                         [](const auto& one) { return one.param == Version::v5 ? "v5" : "v3_1_1"; });

TEST_P(MqttSession, ConnectsAndSubscribes) {
  Session& session = open();
  EXPECT_EQ(session.output.front(), '\x10');
  session.output.clear();
  const auto heard = hear(as_broker::connack(version()));
  EXPECT_FALSE(std::get<Session::Opened>(heard).is_present);
  EXPECT_EQ(session.phase(), Session::Phase::subscribing);
  EXPECT_EQ(session.output, encode_subscribe(version(), 1, "a/#", 1));
  EXPECT_EQ(std::get<Session::Subscribed>(hear(as_broker::suback(version()))).granted_qos, 1U);
  EXPECT_EQ(session.phase(), Session::Phase::live);
}

TEST_P(MqttSession, SubscribesAgainUnlessThatBringsBackRetainedMessages) {
  open(true).output.clear();
  hear(as_broker::connack(version(), true));
  const bool is_v5 = version() == Version::v5;
  EXPECT_EQ(session_->phase(), is_v5 ? Session::Phase::subscribing : Session::Phase::live);
  open(true).output.clear();
  hear(as_broker::connack(version(), false));
  EXPECT_EQ(session_->phase(), Session::Phase::subscribing)
      << "the session is gone, and the subscription with it";
}

TEST_P(MqttSession, IsToldWhyItIsRefused) {
  open();
  const Ended ended = end_of(hear(as_broker::connack(version(), false, version() == Version::v5 ? 0x86 : 4)));
  EXPECT_EQ(ended.how, How::refused);
  EXPECT_NE(ended.why.find("bad user name or password"), std::string::npos) << ended.why;
}

TEST_P(MqttSession, ARefusedSubscriptionNamesTheTopic) {
  open();
  hear(as_broker::connack(version()));
  const Ended ended = end_of(hear(as_broker::suback(version(), version() == Version::v5 ? 0x87 : 0x80)));
  EXPECT_EQ(ended.how, How::refused);
  EXPECT_NE(ended.why.find("'a/#'"), std::string::npos) << ended.why;
}

TEST_P(MqttSession, BreachesOfTheProtocol) {
  open();
  EXPECT_EQ(end_of(hear(as_broker::suback(version()))).how, How::broken) << "before CONNACK";
  open();
  hear(as_broker::connack(version()));
  EXPECT_EQ(end_of(hear(as_broker::connack(version()))).how, How::broken) << "twice";
  EXPECT_EQ(end_of(hear(as_broker::suback(version(), 1, 9))).how, How::broken) << "another SUBSCRIBE";
  EXPECT_EQ(end_of(hear(as_broker::suback(version(), 2))).how, How::broken) << "more than was asked for";
  EXPECT_EQ(end_of(hear(as_broker::packet(0xf0, ""))).how, How::broken) << "malformed";
  open(false, true);
  EXPECT_EQ(end_of(hear(as_broker::connack(version(), true))).how, How::broken)
      << "a session that was not wanted";
}

TEST_P(MqttSession, ABrokerThatDoesNotAnswerIsLeft) {
  open();
  EXPECT_EQ(session_->next_ns(), now_ + 10 * kSecond);
  EXPECT_FALSE(session_->tick(now_ + 9 * kSecond, true));
  const auto ended = session_->tick(now_ + 10 * kSecond, true);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->how, How::silent);
}

TEST_P(MqttSession, KeepsTheConnectionAlive) {
  go_live();
  EXPECT_EQ(session_->next_ns(), now_ + 22 * kSecond + kSecond / 2);
  now_ = session_->next_ns();
  EXPECT_FALSE(session_->tick(now_, true));
  EXPECT_EQ(session_->output, encode_pingreq());
  now_ += 5 * kSecond;
  hear(as_broker::pingresp());
  EXPECT_EQ(session_->answers(), 1U);
  EXPECT_FALSE(session_->tick(now_ + 10 * kSecond, true));
}

TEST_P(MqttSession, AMissingPingrespIsTheEnd) {
  go_live();
  session_->ping(now_);
  EXPECT_FALSE(session_->tick(now_ + 9 * kSecond, true));
  EXPECT_TRUE(session_->tick(now_ + 10 * kSecond, true));
}

TEST_P(MqttSession, NoAnswerIsMissedWhileNobodyListens) {
  go_live();
  session_->ping(now_);
  EXPECT_FALSE(session_->tick(now_ + 10 * kSecond, false));
  EXPECT_FALSE(session_->tick(now_ + 19 * kSecond, true));
  EXPECT_TRUE(session_->tick(now_ + 20 * kSecond, true));
}

using MqttSession5 = MqttSession;
INSTANTIATE_TEST_SUITE_P(Version5, MqttSession5, ::testing::Values(Version::v5));

TEST_P(MqttSession5, ATakenSessionIsSaid) {
  go_live();
  EXPECT_EQ(end_of(hear(as_broker::disconnect(0x8e))).how, How::taken_over);
  go_live();
  const Ended ended = end_of(hear(as_broker::disconnect(0x8b)));
  EXPECT_EQ(ended.how, How::closed);
  EXPECT_NE(ended.why.find("shutting down"), std::string::npos) << ended.why;
}

TEST_P(MqttSession5, TheBrokersKeepAliveRules) {
  open();
  std::string properties("\x13\x00\x08", 3);  // 8 s
  properties += std::string("\x11\x00\x00\x00\x0a", 5);
  const auto opened = std::get<Session::Opened>(hear(as_broker::connack(version(), false, 0, properties)));
  EXPECT_EQ(opened.session_expiry_s, 10U);
  hear(as_broker::suback(version()));
  session_->sent(now_);
  EXPECT_EQ(session_->next_ns(), now_ + 6 * kSecond);
}

TEST_P(MqttSession5, ABrokerThatWantsNoPingsIsAskedAllTheSame) {
  for (const char* seconds : {"\x13\x00\x00", "\x13\xff\xff"}) {
    open();
    hear(as_broker::connack(version(), false, 0, std::string(seconds, 3)));
    hear(as_broker::suback(version()));
    session_->sent(now_);
    EXPECT_LE(session_->next_ns(), now_ + 60 * kSecond) << "or nobody would notice that it is gone";
  }
}

TEST_P(MqttSession5, ReasonsOfTheBrokerAreShown) {
  open();
  const Ended ended = end_of(
      hear(as_broker::connack(version(), false, 0x87, as_broker::text_property(0x1f, "not on Sundays"))));
  EXPECT_NE(ended.why.find("not authorized: not on Sundays"), std::string::npos) << ended.why;
}

}  // namespace
}  // namespace cleat::mqtt
