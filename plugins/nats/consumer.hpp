#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "nats_config.hpp"
#include "session.hpp"

namespace cleat::nats {

/// What the server says of a durable consumer that is there now.
struct Consumer {
  std::chrono::nanoseconds ack_wait{
      0};  ///< after so long without a sign a message is given out again; the shortest of backOff
  std::int64_t max_ack_pending = 0;                               ///< below 1: no bound
  std::int64_t max_batch = 0, max_expires_ns = 0, max_bytes = 0;  ///< of one request; 0: no bound
  std::int64_t stream_created = 0, created = 0;                   ///< which of the same name, since the epoch
  std::vector<std::string> warnings;
};

/// Finds the consumer, or makes it if it is not there. Not if `known_stream` is the stream it belongs to: it was there before,
/// somebody took it away, and its position with it. Throws Error. Waits for the server, for a few seconds at most.
Consumer attach(Session& session, const ConsumerConfig& config, const std::string& domain,
                std::int64_t known_stream);

/// The first part of the subjects of JetStream's requests.
std::string api_prefix(const std::string& domain);

}  // namespace cleat::nats
