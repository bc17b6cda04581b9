#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "frame_reader.hpp"
#include "properties.hpp"

namespace cleat::mqtt {

enum class Version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

// ---- from the broker; views into the frame

struct Connack {
  bool session_present = false;
  std::uint8_t code = 0;
  Properties properties;
};

struct Suback {
  std::uint16_t id = 0;
  std::uint8_t code = 0;  ///< of the one topic filter that was asked for
  Properties properties;
};

struct Publish {
  bool duplicate = false, retained = false;
  std::uint8_t qos = 0;
  std::uint16_t id = 0;  ///< 0 with MQTT QoS 0
  std::string_view topic, payload;
  Properties properties;
};

struct Pingresp {};

struct Disconnect {
  std::uint8_t code = 0;
  Properties properties;
};

struct Malformed {
  const char* why = "";
};

using Packet = std::variant<Malformed, Connack, Suback, Publish, Pingresp, Disconnect>;

/// What a broker may send to a client that only subscribes; anything else is Malformed. Any bytes may be given.
Packet decode(const Frame& frame, Version version);

/// Whether the frame is a PUBLISH, and of which MQTT QoS; without looking further.
std::optional<unsigned> publish_qos(const Frame& frame);

// ---- to the broker

struct Connect {
  Version version = Version::v3_1_1;
  std::string client_id;
  std::optional<std::string> user, password;
  bool clean = false;
  std::chrono::seconds keep_alive{30};
  std::uint32_t session_expiry_s = 0;  ///< MQTT 5
  std::uint16_t receive_maximum = 0;   ///< MQTT 5
};

/// For DISCONNECT.
enum Reason : std::uint8_t {
  kNormal = 0x00,
  kMalformedPacket = 0x81,
  kProtocolError = 0x82,
  kKeepAliveTimeout = 0x8d,
  kSessionTakenOver = 0x8e,
  kPacketTooLarge = 0x95,
};

std::string encode(const Connect& connect);
std::string encode_subscribe(Version version, std::uint16_t id, std::string_view filter, unsigned qos);
void put_puback(std::string& out, std::uint16_t id);
std::string encode_pingreq();
std::string encode_disconnect(Version version, Reason reason);

}  // namespace cleat::mqtt
