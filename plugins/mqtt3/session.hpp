#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "packets.hpp"

namespace cleat::mqtt {

struct SessionOptions {
  Connect connect;
  std::string filter;
  unsigned qos = 1;
  bool is_subscribed =
      false;  ///< under the session that is hoped for: not asked for again if it is there (MQTT 3.1.1)
  std::chrono::nanoseconds patience{std::chrono::seconds(10)};  ///< for the broker's answers
};

/// The protocol on one connection from CONNECT to its end, without a socket and without a clock: packets in, bytes out. The
/// acknowledging of messages is not here.
class Session {
 public:
  enum class Phase { connecting, subscribing, live };

  struct Opened {  ///< CONNACK
    bool is_present = false;
    std::optional<std::uint32_t> session_expiry_s;  ///< where the broker gives it less or more than asked for
  };
  struct Subscribed {
    unsigned granted_qos = 0;
  };
  struct Ended {
    enum class How {
      refused,     ///< CONNACK or SUBACK said no
      taken_over,  ///< another client with our id
      closed,      ///< by the broker
      broken,      ///< the broker breaks the protocol
      silent       ///< the broker does not answer
    };
    How how = How::closed;
    std::string why;
    std::optional<Reason> say;  ///< to the broker before the connection is closed
    std::uint8_t code = 0;      ///< the broker's own number
  };
  using Heard = std::variant<std::monostate, Opened, Subscribed, Ended>;

  Session(SessionOptions options, std::uint64_t now_ns);

  /// Takes in any packet but PUBLISH.
  Heard hear(const Packet& packet, std::uint64_t now_ns);
  /// What the passing of time brings: a PINGREQ, or the end. `is_listening`: what the broker sends is being read; otherwise its
  /// answers cannot be missed.
  std::optional<Ended> tick(std::uint64_t now_ns, bool is_listening);
  /// When tick() is due.
  [[nodiscard]] std::uint64_t next_ns() const;
  /// Asks for a sign of life soon. Its answer raises answers().
  void ping(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t answers() const { return answers_; }

  /// What is to be sent. Whoever sends it, or anything else, says sent().
  std::string output;
  void sent(std::uint64_t now_ns) { sent_ns_ = now_ns; }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] Version version() const { return options_.connect.version; }

 private:
  Heard hear_connack(const Connack& connack, std::uint64_t now_ns);
  Heard hear_suback(const Suback& suback);
  [[nodiscard]] std::uint64_t ping_after_ns() const;

  SessionOptions options_;
  Phase phase_ = Phase::connecting;
  std::chrono::nanoseconds keep_alive_;
  std::uint64_t sent_ns_, answer_by_ns_;  ///< answer_by_ns_ 0: none is awaited
  std::uint64_t answers_ = 0;
};

/// What a CONNACK's code means, for people.
std::string connack_text(Version version, std::uint8_t code);
/// What a reason code of MQTT 5 means, for people.
std::string_view reason_text(std::uint8_t code);

}  // namespace cleat::mqtt
