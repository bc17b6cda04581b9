#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/kafka/bearer.hpp"
#include "common/kafka/first_start.hpp"

namespace cleat::kafka {

/// How the client proves who it is and how it checks the broker.
struct Security {
  bool tls = false;
  bool verify = true;     ///< the broker's certificate and name
  std::string mechanism;  ///< PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER; empty: no SASL
  std::string user, password;
  WantToken want_token;              ///< for OAUTHBEARER, in place of user and password
  std::string ca, certificate, key;  ///< PEM; empty: the system's roots, no client certificate

  /// The value of librdkafka's security.protocol.
  [[nodiscard]] std::string protocol() const {
    if (mechanism.empty()) return tls ? "ssl" : "plaintext";
    return tls ? "sasl_ssl" : "sasl_plaintext";
  }
};

/// What a binding that speaks Kafka sets up its clients with, whatever its own fields are called.
struct Settings {
  enum class Start { newest, oldest };
  enum class OffsetLost { stop, oldest, newest };

  std::string service = "Kafka";         ///< as people call it in states and errors
  std::string prefix = "kafka error: ";  ///< of an error that Dapr's component has too
  std::string call_prefix = "kafka: ";   ///< of what a broker says to a call

  std::vector<std::string> brokers;  ///< host or host:port, without a scheme
  std::vector<std::string> topics;   ///< empty: nothing is read
  std::string publish_topic;         ///< empty: nothing can be written
  std::string group, client_id;
  Security security;

  FirstStarts first_starts;  ///< if given, asked before initial_offset counts
  Start initial_offset = Start::newest;
  OffsetLost on_offset_lost = OffsetLost::stop;
  std::string assignment = "range";
  std::chrono::milliseconds session_timeout{10'000}, heartbeat{3'000};
  std::int64_t fetch_min = 1, fetch_bytes = 1'048'576, prefetch = 256;
  std::uint64_t max_uncommitted = 10'000;

  std::string compression = "none", acks = "all", partitioner = "fnv1a_random";
  std::int64_t max_message_bytes = 1'048'576, retries = 5, max_in_flight = 2;
  std::chrono::nanoseconds linger{0};
  std::chrono::milliseconds call_time{30'000};  ///< most that a call may take, by the host's own limit

  std::chrono::milliseconds dial_timeout{30'000}, socket_timeout{30'000}, request_timeout{10'000};
  std::chrono::milliseconds metadata_refresh{480'000}, metadata_max_age{1'440'000};
  std::chrono::milliseconds idle_connections{0};  ///< after so long without use one is closed; 0: never
  std::vector<std::string> warnings;              ///< sentences for the log, said once

  [[nodiscard]] bool cooperative() const { return assignment == "cooperative-sticky"; }
};

}  // namespace cleat::kafka
