#pragma once

#include <amqp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "amqp_link.hpp"

namespace cleat::rabbitmq {

std::string text_of(const amqp_bytes_t& bytes);
amqp_bytes_t bytes_of(std::string_view text);

[[noreturn]] void throw_library(const std::string& what, int status);
/// Throws Error for an error of the library, or for one of the broker in a reply.
void check(int status, const std::string& what);
void check(const amqp_rpc_reply_t& reply, const std::string& what);

/// An error of the broker: what was tried, AMQP's reply code, and its text.
Error closed_error(const std::string& what, std::uint16_t code, const std::string& text);

/// The library's connection, and the messages whose frames are coming in.
struct AmqpLink::State {
  State() : connection(amqp_new_connection()) {
    if (connection == nullptr) throw Error(CLEAT_INTERNAL, "no memory for a connection");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { amqp_destroy_connection(connection); }

  void frame(const amqp_frame_t& frame, AmqpListener& listener);

  amqp_connection_state_t connection;
  bool is_open = false;
  std::optional<Channel> in_message;  ///< where a message was begun and not ended

 private:
  /// One per channel: their frames may be mixed.
  struct Incoming {
    Message message;
    bool is_return = false;
    std::string return_reason;
    std::uint64_t missing = 0;
  };

  void method(Channel channel, const amqp_method_t& method, AmqpListener& listener);
  void close(Channel channel, const amqp_channel_close_t& closed, AmqpListener& listener);
  void header(Channel channel, const amqp_frame_t& frame, AmqpListener& listener);
  void body(Channel channel, const amqp_frame_t& frame, AmqpListener& listener);
  void message_is_whole(Channel channel, AmqpListener& listener);
  void send(Channel channel, amqp_method_number_t id, void* method);
  Incoming& incoming(Channel channel) { return incoming_[channel == Channel::main ? 0 : 1]; }

  std::array<Incoming, 2> incoming_;
};

}  // namespace cleat::rabbitmq
