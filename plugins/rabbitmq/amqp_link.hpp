#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "message.hpp"
#include "rabbit_config.hpp"

namespace cleat::rabbitmq {

/// What the broker says by itself.
struct AmqpEvents {
  std::function<void(Message&&)> delivered;
  std::function<void(std::uint64_t tag, bool multiple, bool is_ack)> confirmed;
  std::function<void(const std::string& why, Message&&)> returned;
  std::function<void(bool is_blocked, const std::string& reason)> blocked;
};

/// One connection with one channel, for one thread. Whatever fails throws Error, and then the connection is of
/// no more use. What sets it up waits for the broker; publish(), ack() and process() do not, but for a socket
/// that takes nothing more, which the kernel ends after 15 s.
class AmqpLink {
 public:
  AmqpLink(const RabbitConfig& config, const Address& address, std::chrono::milliseconds within);
  AmqpLink(const AmqpLink&) = delete;
  AmqpLink& operator=(const AmqpLink&) = delete;
  ~AmqpLink();

  [[nodiscard]] int descriptor() const;
  /// The major version of RabbitMQ; 0 if it does not say.
  [[nodiscard]] int server_major() const { return server_major_; }

  void select_confirms();
  /// The exchange, if its kind is given, and the queue, with what it is to have; or that they are there. As an
  /// input the queue is bound to the exchange.
  void set_up(const RabbitConfig& config, bool is_input);
  void consume(const std::string& queue, std::uint16_t prefetch, bool exclusive);
  /// Nothing more is delivered when this returns; what comes before goes to `events`.
  void stop_consuming(const AmqpEvents& events);

  void publish(const Outgoing& message, bool mandatory);
  void ack(std::uint64_t tag);
  void give_back(std::uint64_t tag, bool requeue);

  /// Handles what has arrived and keeps the heartbeat; to be called once a second at least.
  void process(const AmqpEvents& events);

 private:
  struct State;
  void log_in(const RabbitConfig& config, const Address& address);
  void open_socket(const RabbitConfig& config, const Address& address, std::chrono::milliseconds within);
  void look_at_server();
  void declare_queue(const QueueSettings& queue);

  std::unique_ptr<State> state_;
  int server_major_ = 0;
};

}  // namespace cleat::rabbitmq
