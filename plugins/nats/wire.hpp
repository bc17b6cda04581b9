#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cleat::nats {

/// What the reply subject of a message of a JetStream consumer says; the texts point into it. An acknowledgement is
/// published to that subject.
struct AckAddress {
  std::string_view stream, consumer;
  std::uint64_t delivered = 0;  ///< how often the message was given out, this time included
  std::uint64_t sequence = 0, consumer_sequence = 0;
  std::int64_t stored_ns = 0;  ///< when the stream took the message, since the epoch
  std::uint64_t pending = 0;   ///< messages behind this one
};

/// Of "$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>", and of the longer form with
/// domain and account in front of the stream. Nothing for any other subject.
std::optional<AckAddress> parse_ack_address(std::string_view reply);

/// A stream's answer to a message that was published to it.
struct PubAck {
  std::string stream;
  std::uint64_t sequence = 0;
  bool is_duplicate = false;
  int error_code = 0,
      error_kind = 0;  ///< as HTTP's, and JetStream's own number; 0: the stream has the message
  std::string error;   ///< its words, not empty if it is an error

  [[nodiscard]] bool is_error() const { return !error.empty(); }
};

/// Nothing for what is no such answer.
std::optional<PubAck> parse_pub_ack(std::string_view json);

/// The bodies of requests and acknowledgements.
std::string pull_request(std::uint32_t batch, std::uint64_t max_bytes, std::int64_t expires_ns);
std::string nak(std::uint32_t after_ms);
constexpr std::string_view kAck = "+ACK", kTerm = "+TERM", kInProgress = "+WPI";

}  // namespace cleat::nats
