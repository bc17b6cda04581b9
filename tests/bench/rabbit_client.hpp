#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <functional>
#include <string>

#include "library_socket.hpp"

namespace cleat::bench {

/// A connection of rabbitmq-c on an io_context, logged in as guest, with one channel and a durable queue. Any failure
/// of it ends the program.
class RabbitClient {
 public:
  static constexpr amqp_channel_t kChannel = 1;

  RabbitClient(boost::asio::io_context& io, int port, const std::string& queue);

  [[nodiscard]] amqp_connection_state_t raw() const { return connection_; }
  /// The answer to what was asked last.
  void check_reply(const char* what) const;
  static void check(int status, const char* what);
  /// `take` gets each frame as it comes; what it refers to is gone after the call.
  void read_always(std::function<void(const amqp_frame_t&)> take);

 private:
  void read();

  amqp_connection_state_t connection_;
  LibrarySocket socket_;
  std::function<void(const amqp_frame_t&)> take_{};
};

}  // namespace cleat::bench
