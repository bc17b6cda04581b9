#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire.hpp"

namespace cleat::mqtt {

/// The properties of an MQTT 5 packet that this client uses. Views into the packet.
struct Properties {
  std::optional<std::uint8_t> maximum_qos, wildcards_available, shared_available;
  std::optional<std::uint16_t> server_keep_alive, topic_alias;
  std::optional<std::uint32_t> session_expiry, message_expiry;
  std::optional<std::string_view> reason, content_type, response_topic, correlation_data;
  std::vector<std::pair<std::string_view, std::string_view>> user;
};

/// Reads the properties with their length in front. Nothing if they are not well formed, one is unknown, or one comes twice that
/// may not. Others than those above are read over.
std::optional<Properties> read_properties(Reader& reader);

/// Appends properties with their length in front.
void put_properties(std::string& out, std::string_view properties);

/// The numbers of those that this client sends.
enum SentProperty : unsigned {
  kSessionExpiry = 0x11,
  kReceiveMaximum = 0x21,
};

}  // namespace cleat::mqtt
