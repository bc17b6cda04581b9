#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/tls.hpp"
#include "packets.hpp"
#include "server_url.hpp"

namespace cleat::mqtt {

/// A component's metadata as values. Names and defaults as in manifest.json.
struct MqttConfig {
  Server server;
  std::string topic, consumer_id;
  bool retain = false, clean_session = false;
  unsigned qos = 1;
  Version version = Version::v3_1_1;
  std::uint32_t session_expiry_s = 7 * 24 * 3600;
  std::chrono::seconds keep_alive{30};
  std::uint16_t receive_maximum = 0;  ///< 0: the window
  std::size_t max_packet = 64 * 1024 * 1024;
  common::TlsText tls;
  bool skip_verify = false;
  std::vector<std::string> warnings;  ///< sentences for the log, said once

  /// As Dapr's component names its two clients.
  [[nodiscard]] std::string input_id() const { return consumer_id + "-consumer"; }
  [[nodiscard]] std::string output_id() const { return consumer_id + "-producer"; }
};

/// Reads and checks a component's metadata. Pure. Throws Error with one sentence; where Dapr's component has a text for the fault,
/// it begins with that.
MqttConfig read_config(const Config& config);

}  // namespace cleat::mqtt
