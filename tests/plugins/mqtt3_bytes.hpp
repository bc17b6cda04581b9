#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "packets.hpp"
#include "wire.hpp"

/// The broker's half of the protocol, as bytes, for the tests of the client's half.
namespace cleat::mqtt::as_broker {

inline std::string packet(unsigned first, std::string_view body) {
  std::string out;
  put_byte(out, first);
  put_variable(out, static_cast<std::uint32_t>(body.size()));
  out.append(body);
  return out;
}

/// `properties` without their length; left out with MQTT 3.1.1.
inline void put_if_v5(std::string& out, Version version, std::string_view properties) {
  if (version == Version::v5) put_properties(out, properties);
}

inline std::string connack(Version version, bool session_present = false, unsigned code = 0,
                           std::string_view properties = {}) {
  std::string body;
  put_byte(body, session_present ? 1 : 0);
  put_byte(body, code);
  put_if_v5(body, version, properties);
  return packet(0x20, body);
}

inline std::string suback(Version version, unsigned code = 1, unsigned id = 1) {
  std::string body;
  put_two_bytes(body, id);
  put_if_v5(body, version, {});
  put_byte(body, code);
  return packet(0x90, body);
}

inline std::string publish(Version version, std::string_view topic, std::string_view payload, unsigned id = 1,
                           unsigned qos = 1, bool duplicate = false, std::string_view properties = {}) {
  std::string body;
  put_text(body, topic);
  if (qos != 0) put_two_bytes(body, id);
  put_if_v5(body, version, properties);
  body.append(payload);
  return packet(0x30U | (duplicate ? 8U : 0U) | (qos << 1U), body);
}

inline std::string pingresp() {
  return packet(0xd0, {});
}

inline std::string disconnect(unsigned code) {
  std::string body;
  put_byte(body, code);
  return packet(0xe0, body);
}

inline std::string text_property(unsigned id, std::string_view value) {
  std::string out;
  put_byte(out, id);
  put_text(out, value);
  return out;
}

inline std::string user_property(std::string_view name, std::string_view value) {
  std::string out = text_property(0x26, name);
  put_text(out, value);
  return out;
}

}  // namespace cleat::mqtt::as_broker
