#pragma once

#include <amqp.h>

#include <cstdint>
#include <string>

#include "amqp_link.hpp"

namespace cleat::rabbitmq {

std::string text_of(const amqp_bytes_t& bytes);

/// Throws Error for an error of the broker: what was tried, AMQP's reply code, and its text.
[[noreturn]] void throw_closed(const std::string& what, std::uint16_t code, const std::string& text);

/// The library's connection, and the message whose frames are coming in.
struct AmqpLink::State {
  State() : connection(amqp_new_connection()) {
    if (connection == nullptr) throw Error(CLEAT_INTERNAL, "no memory for a connection");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { amqp_destroy_connection(connection); }

  void method(const amqp_method_t& method, const AmqpEvents& events);
  void header(const amqp_frame_t& frame, const AmqpEvents& events);
  void body(const amqp_frame_t& frame, const AmqpEvents& events);
  void message_is_whole(const AmqpEvents& events);

  amqp_connection_state_t connection;
  bool is_open = false;
  // The message whose frames are coming in.
  Message incoming;
  bool is_return = false;
  std::string return_reason;
  std::uint64_t missing = 0;
};

}  // namespace cleat::rabbitmq
