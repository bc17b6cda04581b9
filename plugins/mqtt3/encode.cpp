#include "packets.hpp"

namespace cleat::mqtt {
namespace {

std::string packet(unsigned first, std::string_view body) {
  std::string out;
  out.reserve(body.size() + 5);
  put_byte(out, first);
  put_variable(out, static_cast<std::uint32_t>(body.size()));
  out.append(body);
  return out;
}

/// A client that subscribes asks for no retained message that it has had: they come with a new subscription only.
constexpr unsigned kRetainedWhenNew = 1U << 4U;

}  // namespace

std::string encode(const Connect& connect) {
  const bool is_v5 = connect.version == Version::v5;
  std::string body;
  put_text(body, "MQTT");
  put_byte(body, static_cast<unsigned>(connect.version));
  unsigned flags = 0;
  if (connect.user) flags |= 0x80;
  if (connect.password) flags |= 0x40;
  if (connect.clean) flags |= 0x02;
  put_byte(body, flags);
  put_two_bytes(body, static_cast<unsigned>(connect.keep_alive.count()));
  if (is_v5) {
    std::string properties;
    if (connect.session_expiry_s != 0) {
      put_byte(properties, kSessionExpiry);
      put_four_bytes(properties, connect.session_expiry_s);
    }
    if (connect.receive_maximum != 0) {
      put_byte(properties, kReceiveMaximum);
      put_two_bytes(properties, connect.receive_maximum);
    }
    put_properties(body, properties);
  }
  put_text(body, connect.client_id);
  if (connect.user) put_text(body, *connect.user);
  if (connect.password) put_text(body, *connect.password);
  return packet(0x10, body);
}

std::string encode_subscribe(Version version, std::uint16_t id, std::string_view filter, unsigned qos) {
  std::string body;
  put_two_bytes(body, id);
  if (version == Version::v5) put_properties(body, {});
  put_text(body, filter);
  put_byte(body, version == Version::v5 ? qos | kRetainedWhenNew : qos);
  return packet(0x82, body);
}

void put_puback(std::string& out, std::uint16_t id) {
  put_byte(out, 0x40);
  put_byte(out, 2);
  put_two_bytes(out, id);
}

std::string encode_pingreq() {
  return packet(0xc0, {});
}

std::string encode_disconnect(Version version, Reason reason) {
  std::string body;
  if (version == Version::v5 && reason != kNormal) put_byte(body, reason);
  return packet(0xe0, body);
}

}  // namespace cleat::mqtt
