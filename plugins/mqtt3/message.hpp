#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "packets.hpp"

namespace cleat::mqtt {

/// A PUBLISH that outlives its frame.
struct Message {
  std::string topic, payload;
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;
  bool retained = false, duplicate = false;
  std::string content_type, response_topic;
  std::optional<std::string> correlation_data;
  std::optional<std::uint32_t> expiry_s;
  std::vector<std::pair<std::string, std::string>> user;
  std::size_t digest = 0;  ///< of topic and payload: the same at each redelivery
};

using MessagePtr = std::shared_ptr<const Message>;

MessagePtr keep(const Publish& publish);

}  // namespace cleat::mqtt
