#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mqtt_config.hpp"

namespace cleat::mqtt {

/// What one create call publishes. The payload is the request's own.
struct Publication {
  std::string topic;
  std::string_view payload;
  unsigned qos = 1;
  bool retain = false;
  // With MQTT 5 only.
  std::string content_type, response_topic, correlation_data;
  std::optional<std::uint32_t> expiry_s;
  std::vector<std::pair<std::string, std::string>> user;
};

/// Reads a create request. Pure. Throws Error(CLEAT_INVALID) that names the entry of the metadata.
Publication read_publication(const Request& request, const MqttConfig& config);

/// Why a publication failed.
struct Refusal {
  cleat_status status = CLEAT_REMOTE;
  std::uint32_t flags = 0;
  std::string text;
  std::int64_t native_code = 0;
};

/// For the reason code of a PUBACK; nothing if it says that the broker has the message.
std::optional<Refusal> refusal_of(std::uint8_t code, const std::string& topic);

}  // namespace cleat::mqtt
