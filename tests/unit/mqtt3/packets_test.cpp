#include "packets.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "plugins/mqtt3_bytes.hpp"

namespace cleat::mqtt {
namespace {

using namespace std::string_literals;

/// The one packet in `bytes`.
Frame frame_of(FrameReader& reader, const std::string& bytes) {
  reader.append(bytes);
  Frame frame;
  EXPECT_EQ(reader.peek(frame), FrameReader::Found::frame);
  return frame;
}

template <class T>
T decoded(FrameReader& reader, const std::string& bytes, Version version) {
  const Packet packet = decode(frame_of(reader, bytes), version);
  EXPECT_TRUE(std::holds_alternative<T>(packet));
  return std::holds_alternative<T>(packet) ? std::get<T>(packet) : T{};
}

bool is_malformed(const std::string& bytes, Version version) {
  FrameReader reader(1 << 20);
  return std::holds_alternative<Malformed>(decode(frame_of(reader, bytes), version));
}

class EachVersion : public ::testing::TestWithParam<Version> {};
INSTANTIATE_TEST_SUITE_P(MqttPackets, EachVersion, ::testing::Values(Version::v3_1_1, Version::v5));

TEST_P(EachVersion, Connack) {
  FrameReader reader(1000);
  const auto connack = decoded<Connack>(reader, as_broker::connack(GetParam(), true, 0), GetParam());
  EXPECT_TRUE(connack.session_present);
  EXPECT_EQ(connack.code, 0);
  EXPECT_TRUE(is_malformed(as_broker::packet(0x20, "\x02\x00\x00"s), GetParam()));
  EXPECT_TRUE(is_malformed(as_broker::packet(0x20, "\x00"s), GetParam()));
  EXPECT_TRUE(is_malformed(as_broker::packet(0x21, "\x00\x00"s), GetParam()));
}

TEST_P(EachVersion, Suback) {
  FrameReader reader(1000);
  const auto suback = decoded<Suback>(reader, as_broker::suback(GetParam(), 0x80, 7), GetParam());
  EXPECT_EQ(suback.id, 7);
  EXPECT_EQ(suback.code, 0x80);
}

TEST_P(EachVersion, Publish) {
  const std::string payload("\0\xff\r\n", 4);
  FrameReader reader(1000);
  const auto publish =
      decoded<Publish>(reader, as_broker::publish(GetParam(), "a/b", payload, 258, 1, true), GetParam());
  EXPECT_EQ(publish.topic, "a/b");
  EXPECT_EQ(publish.payload, payload);
  EXPECT_EQ(publish.id, 258);
  EXPECT_EQ(publish.qos, 1);
  EXPECT_TRUE(publish.duplicate);
  EXPECT_FALSE(publish.retained);
}

TEST_P(EachVersion, PublishWithQos0AndWithoutPayload) {
  FrameReader reader(1000);
  const auto publish = decoded<Publish>(reader, as_broker::publish(GetParam(), "t", "", 0, 0), GetParam());
  EXPECT_EQ(publish.id, 0);
  EXPECT_EQ(publish.qos, 0);
  EXPECT_EQ(publish.payload, "");
}

TEST_P(EachVersion, PublishThatIsRefused) {
  const Version version = GetParam();
  EXPECT_TRUE(is_malformed(as_broker::publish(version, "t", "x", 1, 2), version));
  EXPECT_TRUE(is_malformed(as_broker::publish(version, "t", "x", 1, 3), version));
  EXPECT_TRUE(is_malformed(as_broker::publish(version, "t", "x", 0, 1), version));
  EXPECT_TRUE(is_malformed(as_broker::publish(version, "", "x"), version));
  EXPECT_TRUE(is_malformed(as_broker::publish(version, "a/+", "x"), version));
  EXPECT_TRUE(is_malformed(as_broker::publish(version, "\xff", "x"), version));
  EXPECT_TRUE(is_malformed(as_broker::packet(0x32,
                                             "\x00\x05"
                                             "a"s),
                           version));
}

TEST_P(EachVersion, WhatABrokerDoesNotSend) {
  for (const unsigned first : {0x00U, 0x10U, 0x40U, 0x50U, 0x62U, 0x70U, 0x82U, 0xa2U, 0xb0U, 0xc0U, 0xf0U})
    EXPECT_TRUE(is_malformed(as_broker::packet(first, ""), GetParam())) << first;
  EXPECT_TRUE(is_malformed(as_broker::packet(0xd0, "x"), GetParam()));
  EXPECT_TRUE(is_malformed(as_broker::packet(0xd1, ""), GetParam()));
}

TEST(MqttPackets, PropertiesOfAPublish) {
  std::string properties = as_broker::text_property(0x03, "text/plain") +
                           as_broker::text_property(0x08, "re/ply") +
                           as_broker::text_property(0x09, std::string_view("\0\x01", 2)) +
                           as_broker::user_property("a", "1") + as_broker::user_property("a", "2");
  properties += "\x02\x00\x00\x00\x3c"s;  // message expiry
  properties += "\x0b\x05"s;              // subscription identifiers may repeat
  properties += "\x0b\x06"s;
  FrameReader reader(1000);
  const auto publish = decoded<Publish>(
      reader, as_broker::publish(Version::v5, "t", "x", 1, 1, false, properties), Version::v5);
  EXPECT_EQ(publish.payload, "x");
  EXPECT_EQ(publish.properties.content_type, "text/plain");
  EXPECT_EQ(publish.properties.response_topic, "re/ply");
  EXPECT_EQ(publish.properties.correlation_data, std::string_view("\0\x01", 2));
  EXPECT_EQ(publish.properties.message_expiry, 60U);
  ASSERT_EQ(publish.properties.user.size(), 2U);
  EXPECT_EQ(publish.properties.user[1].second, "2");
}

TEST(MqttPackets, PropertiesThatAreRefused) {
  const auto with = [](const std::string& properties) {
    return as_broker::publish(Version::v5, "t", "x", 1, 1, false, properties);
  };
  EXPECT_TRUE(is_malformed(with("\x7f\x00"s), Version::v5)) << "unknown";
  EXPECT_TRUE(is_malformed(with("\x80\x80\x01"s), Version::v5)) << "unknown, above 63";
  EXPECT_TRUE(
      is_malformed(with(as_broker::text_property(3, "a") + as_broker::text_property(3, "b")), Version::v5))
      << "twice";
  EXPECT_TRUE(is_malformed(with("\x03\x00\x05"
                                "a"s),
                           Version::v5))
      << "cut";
  EXPECT_TRUE(is_malformed(with(as_broker::user_property("a", "\xff")), Version::v5)) << "not UTF-8";
  EXPECT_TRUE(is_malformed(with("\x23\x00\x01"s), Version::v5)) << "a topic alias";
  EXPECT_TRUE(is_malformed(as_broker::packet(0x30, "\x00\x01t\xff\xff\xff\xff\x7f"s), Version::v5))
      << "their length";
  EXPECT_TRUE(is_malformed(as_broker::packet(0x30, "\x00\x01t\x05\x01"s), Version::v5))
      << "longer than the packet";
}

TEST(MqttPackets, Disconnect) {
  FrameReader reader(1000);
  EXPECT_EQ(decoded<Disconnect>(reader, as_broker::disconnect(0x8e), Version::v5).code, 0x8e);
  FrameReader empty(1000);
  EXPECT_EQ(decoded<Disconnect>(empty, as_broker::packet(0xe0, ""), Version::v5).code, 0);
  FrameReader full(1000);
  const std::string body = "\x8b"s + "\x06" + as_broker::text_property(0x1f, "bye");
  EXPECT_EQ(decoded<Disconnect>(full, as_broker::packet(0xe0, body), Version::v5).properties.reason, "bye");
  EXPECT_TRUE(is_malformed(as_broker::packet(0xe0, ""), Version::v3_1_1));
}

TEST(MqttPackets, ConnectAsTheStandardWritesIt) {
  Connect connect;
  connect.client_id = "me";
  connect.keep_alive = std::chrono::seconds(30);
  EXPECT_EQ(encode(connect), "\x10\x0e\x00\x04MQTT\x04\x00\x00\x1e\x00\x02me"s);
  connect.clean = true;
  connect.user = "u";
  connect.password = "p";
  EXPECT_EQ(encode(connect), "\x10\x14\x00\x04MQTT\x04\xc2\x00\x1e\x00\x02me\x00\x01u\x00\x01p"s);
  connect.version = Version::v5;
  connect.clean = false;
  connect.user = connect.password = std::nullopt;
  connect.session_expiry_s = 604'800;
  connect.receive_maximum = 64;
  EXPECT_EQ(encode(connect),
            "\x10\x17\x00\x04MQTT\x05\x00\x00\x1e\x08\x11\x00\x09\x3a\x80\x21\x00\x40\x00\x02me"s);
}

TEST(MqttPackets, WhatASubscriberSends) {
  EXPECT_EQ(encode_subscribe(Version::v3_1_1, 1, "a/#", 1),
            "\x82\x08\x00\x01\x00\x03"
            "a/#\x01"s);
  EXPECT_EQ(encode_subscribe(Version::v5, 1, "a/#", 1),
            "\x82\x09\x00\x01\x00\x00\x03"
            "a/#\x11"s);
  std::string acks;
  put_puback(acks, 0x0102);
  EXPECT_EQ(acks, "\x40\x02\x01\x02"s);
  EXPECT_EQ(encode_pingreq(), "\xc0\x00"s);
  EXPECT_EQ(encode_disconnect(Version::v3_1_1, kProtocolError), "\xe0\x00"s);
  EXPECT_EQ(encode_disconnect(Version::v5, kNormal), "\xe0\x00"s);
  EXPECT_EQ(encode_disconnect(Version::v5, kProtocolError), "\xe0\x01\x82"s);
}

}  // namespace
}  // namespace cleat::mqtt
