#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/tls.hpp"

namespace cleat::nats {

/// Where the servers are and how to be let in.
struct ServerConfig {
  std::vector<std::string> urls;  ///< nats://host:port or tls://host:port, without user or password
  std::string client_name, inbox_prefix;
  std::string username, password, token;
  std::string nkey_seed, nkey;                ///< the seed and its public key
  std::string credentials, credentials_file;  ///< text of a .creds file, or where one is
  bool tls = false, skip_verify = false;
  common::TlsText pem;
  std::string tls_server_name;  ///< empty: the host of the URL
  std::chrono::milliseconds connect_timeout{2'000}, ping_interval{20'000};
};

/// How a durable consumer is made, if it is not there. What is not given is JetStream's default, or ours.
struct ConsumerConfig {
  enum class From { all, last, last_per_subject, new_only, sequence, time };

  std::string stream, durable, filter;
  bool may_create = true;
  std::optional<From> from;
  std::uint64_t start_sequence = 0;
  std::int64_t start_time_ns = 0;  ///< since the epoch
  std::optional<std::chrono::nanoseconds> ack_wait;
  std::optional<std::int64_t> max_deliver, max_ack_pending;
  std::vector<std::chrono::nanoseconds> back_off;
};

/// A component's metadata as values. Names and defaults as in manifest.json.
struct NatsConfig {
  ServerConfig server;
  std::string domain;  ///< of JetStream; empty: the server's

  std::vector<std::string> subjects;  ///< read without JetStream
  std::string queue_group;
  std::optional<ConsumerConfig> consumer;  ///< read with JetStream
  std::size_t max_buffered = 10'000;

  bool confirms = false;  ///< what is published has to be stored by a stream
  std::string publish_subject, publish_stream;
  std::size_t max_pending = 10'000;

  std::vector<std::string> warnings;  ///< sentences for the log, said once
  [[nodiscard]] bool reads() const { return consumer.has_value() || !subjects.empty(); }
};

/// Reads and checks a component's metadata. Pure, but for the check of PEM text by OpenSSL. Throws Error(CLEAT_INVALID)
/// with one sentence that names the field; none holds a secret.
NatsConfig read_config(const Config& config);

/// An instant as RFC 3339 writes it, with "Z" or an offset, in nanoseconds since the epoch.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace cleat::nats
