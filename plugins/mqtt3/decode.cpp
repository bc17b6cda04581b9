#include "packets.hpp"

#include <utility>

namespace cleat::mqtt {
namespace {

enum Type : unsigned { kConnack = 2, kPublish = 3, kSuback = 9, kPingresp = 13, kDisconnect = 14 };

/// Properties where the version has them.
std::optional<Properties> properties_of(Reader& reader, Version version) {
  return version == Version::v5 ? read_properties(reader) : Properties{};
}

Packet decode_connack(Reader& reader, Version version) {
  const unsigned flags = reader.byte();
  const std::uint8_t code = reader.byte();
  std::optional<Properties> properties = properties_of(reader, version);
  if (!reader.ok() || !properties || reader.left() != 0 || flags > 1)
    return Malformed{"a CONNACK that is not well formed"};
  return Connack{flags == 1, code, *std::move(properties)};
}

Packet decode_suback(Reader& reader, Version version) {
  Suback suback;
  suback.id = reader.two_bytes();
  std::optional<Properties> properties = properties_of(reader, version);
  suback.code = reader.byte();
  if (!reader.ok() || !properties || reader.left() != 0) return Malformed{"a SUBACK that is not well formed"};
  suback.properties = *std::move(properties);
  return suback;
}

Packet decode_publish(Reader& reader, unsigned flags, Version version) {
  Publish publish;
  publish.duplicate = (flags & 8U) != 0;
  publish.retained = (flags & 1U) != 0;
  publish.qos = static_cast<std::uint8_t>((flags >> 1U) & 3U);
  if (publish.qos > 1) return Malformed{"a PUBLISH of an MQTT QoS above the one subscribed to"};
  publish.topic = reader.text();
  if (publish.qos != 0) publish.id = reader.two_bytes();
  std::optional<Properties> properties = properties_of(reader, version);
  if (!reader.ok() || !properties) return Malformed{"a PUBLISH that is not well formed"};
  if (publish.qos != 0 && publish.id == 0) return Malformed{"a PUBLISH without a packet identifier"};
  if (properties->topic_alias) return Malformed{"a PUBLISH with a topic alias, which was not allowed"};
  if (publish.topic.empty() || publish.topic.find_first_of("+#") != std::string_view::npos)
    return Malformed{"a PUBLISH to a topic that is no topic's name"};
  publish.payload = reader.rest();
  publish.properties = *std::move(properties);
  return publish;
}

Packet decode_disconnect(Reader& reader, Version version) {
  if (version != Version::v5) return Malformed{"a DISCONNECT, which MQTT 3.1.1 has not from a broker"};
  Disconnect disconnect;
  if (reader.left() != 0) disconnect.code = reader.byte();
  if (reader.left() != 0) {
    std::optional<Properties> properties = read_properties(reader);
    if (!properties || reader.left() != 0) return Malformed{"a DISCONNECT that is not well formed"};
    disconnect.properties = *std::move(properties);
  }
  return disconnect;
}

}  // namespace

std::optional<unsigned> publish_qos(const Frame& frame) {
  if (frame.first >> 4U != kPublish) return std::nullopt;
  return (frame.first >> 1U) & 3U;
}

Packet decode(const Frame& frame, Version version) {
  const unsigned type = frame.first >> 4U;
  const unsigned flags = frame.first & 0x0fU;
  Reader reader(frame.body);
  if (type == kPublish) return decode_publish(reader, flags, version);
  if (flags != 0) return Malformed{"a packet with flags that are reserved"};
  switch (type) {
    case kConnack:
      return decode_connack(reader, version);
    case kSuback:
      return decode_suback(reader, version);
    case kPingresp:
      return frame.body.empty() ? Packet(Pingresp{}) : Malformed{"a PINGRESP with a body"};
    case kDisconnect:
      return decode_disconnect(reader, version);
    default:
      return Malformed{"a packet of a type that a broker does not send to a subscriber"};
  }
}

}  // namespace cleat::mqtt
