#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "security_config.hpp"

namespace cleat::kafka {

/// A component's metadata as values. Names and defaults as in manifest.json.
struct KafkaConfig {
  enum class Start { newest, oldest };
  enum class OffsetLost { stop, oldest, newest };

  std::vector<std::string> brokers;  ///< host or host:port, without a scheme
  std::vector<std::string> topics;   ///< empty: nothing is read
  std::string publish_topic;         ///< empty: nothing can be written
  std::string group, client_id;
  Security security;

  Start initial_offset = Start::newest;
  OffsetLost on_offset_lost = OffsetLost::stop;
  std::string assignment = "range";
  std::chrono::milliseconds session_timeout{10'000}, heartbeat{3'000};
  std::int64_t fetch_min = 1, fetch_bytes = 1'048'576, prefetch = 256;
  std::uint64_t max_uncommitted = 10'000;
  std::string exclude_headers;
  bool escape_headers = false;

  std::string compression = "none", acks = "all";
  std::int64_t max_message_bytes = 1'048'576, retries = 5, max_in_flight = 2;
  std::chrono::nanoseconds linger{0};
  std::chrono::milliseconds call_time{30'000};  ///< most that a call may take, by the host's own limit

  std::chrono::milliseconds dial_timeout{30'000}, socket_timeout{30'000}, metadata_refresh{480'000};
  bool strict_dapr = false;
  std::vector<std::string> warnings;  ///< sentences for the log, said once

  [[nodiscard]] bool cooperative() const { return assignment == "cooperative-sticky"; }
};

/// Reads and checks a component's metadata. Pure. `client_version` is rd_kafka_version()'s number. Throws
/// Error with one sentence; where Dapr's component has a text for the fault, it begins with that.
KafkaConfig read_config(const Config& config, int client_version);

}  // namespace cleat::kafka
