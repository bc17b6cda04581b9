#include "frame_reader.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "packets.hpp"
#include "plugins/mqtt3_bytes.hpp"

namespace cleat::mqtt {
namespace {

using Found = FrameReader::Found;

TEST(MqttFrames, ComeInAnyPieces) {
  const std::string stream = as_broker::pingresp() +
                             as_broker::publish(Version::v5, "t", std::string(300, 'x')) +
                             as_broker::publish(Version::v5, "t", "") + as_broker::pingresp();
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{7}, stream.size()}) {
    FrameReader reader(1000);
    std::vector<std::size_t> bodies;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      reader.append(std::string_view(stream).substr(at, size));
      Frame frame;
      while (reader.peek(frame) == Found::frame) {
        bodies.push_back(frame.body.size());
        reader.pop();
      }
    }
    EXPECT_EQ(bodies, (std::vector<std::size_t>{0, 306, 6, 0}));
    EXPECT_EQ(reader.size(), 0U);
  }
}

TEST(MqttFrames, OneThatIsNotTakenStays) {
  FrameReader reader(1000);
  reader.append(as_broker::publish(Version::v5, "t", "x") + as_broker::pingresp());
  Frame first, again;
  ASSERT_EQ(reader.peek(first), Found::frame);
  reader.append(as_broker::pingresp());
  ASSERT_EQ(reader.peek(again), Found::frame);
  EXPECT_EQ(again.first, 0x32);
  EXPECT_EQ(publish_qos(again), 1U);
}

TEST(MqttFrames, ALengthIsRefusedBeforeItsBytesCome) {
  FrameReader reader(1000);
  reader.append("\x30\xe9\x07");  // 1001
  Frame frame;
  EXPECT_EQ(reader.peek(frame), Found::bad);
  EXPECT_NE(reader.fault().find("1001 bytes, allowed are 1000"), std::string::npos) << reader.fault();
  reader.append(as_broker::pingresp());
  EXPECT_EQ(reader.peek(frame), Found::bad) << "and stays refused";
}

TEST(MqttFrames, ALengthOfFiveBytesIsRefused) {
  FrameReader reader(kMostVariable);
  reader.append("\x30\xff\xff\xff\xff");
  Frame frame;
  EXPECT_EQ(reader.peek(frame), Found::bad);
}

TEST(MqttFrames, ExactlyTheLimitIsTaken) {
  FrameReader reader(1000);
  reader.append(as_broker::packet(0x30, std::string(1000, 'x')));
  Frame frame;
  EXPECT_EQ(reader.peek(frame), Found::frame);
}

/// Any bytes at all: what is found lies within what was given, and the reading ends. Sanitizers look on.
void read_all(std::string_view bytes, Version version, std::mt19937& random) {
  FrameReader reader(4096);
  std::size_t taken = 0;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random() % 64);
    reader.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    Frame frame;
    while (reader.peek(frame) == Found::frame) {
      ASSERT_LE(frame.body.size(), 4096U);
      const Packet packet = decode(frame, version);
      if (const auto* publish = std::get_if<Publish>(&packet)) {
        taken += publish->topic.size() + publish->payload.size();
        for (const auto& [name, value] : publish->properties.user)
          taken += name.size() + value.size();
        ASSERT_TRUE(is_mqtt_text(publish->topic));
      }
      reader.pop();
    }
  }
  ASSERT_LE(taken, 1U << 20U);
}

std::string sound_stream(Version version) {
  const std::string properties = version == Version::v5 ? as_broker::text_property(3, "text/plain") +
                                                              as_broker::user_property("a", "b") +
                                                              as_broker::text_property(9, "id")
                                                        : std::string();
  return as_broker::connack(version, true) + as_broker::suback(version) +
         as_broker::publish(version, "a/b", "payload", 7, 1, false, properties) +
         as_broker::publish(version, "a/c", std::string(200, 'x'), 0, 0) + as_broker::pingresp() +
         as_broker::disconnect(0x8e);
}

TEST(MqttFuzz, RandomBytes) {
  std::mt19937 random(20'240'501);
  for (int round = 0; round < 3'000; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random());
    for (const Version version : {Version::v3_1_1, Version::v5})
      read_all(bytes, version, random);
  }
}

TEST(MqttFuzz, SoundPacketsWithFaults) {
  std::mt19937 random(77);
  for (int round = 0; round < 20'000; ++round) {
    const Version version = random() % 2 == 0 ? Version::v3_1_1 : Version::v5;
    std::string bytes = sound_stream(version);
    const unsigned faults = 1 + random() % 4;
    for (unsigned fault = 0; fault < faults; ++fault) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << (random() % 8)));
          break;
        case 2:
          bytes.erase(at, 1 + random() % 5);
          break;
        default:
          bytes.insert(at, 1 + random() % 5, static_cast<char>(random()));
          break;
      }
      if (bytes.empty()) break;
    }
    read_all(bytes, version, random);
  }
}

/// Each packet cut at each of its bytes, its length set to fit.
TEST(MqttFuzz, CutPackets) {
  std::mt19937 random(1);
  for (const Version version : {Version::v3_1_1, Version::v5}) {
    FrameReader reader(4096);
    reader.append(sound_stream(version));
    Frame frame;
    while (reader.peek(frame) == Found::frame) {
      for (std::size_t size = 0; size < frame.body.size(); ++size)
        read_all(as_broker::packet(frame.first, frame.body.substr(0, size)), version, random);
      reader.pop();
    }
  }
}

}  // namespace
}  // namespace cleat::mqtt
