#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "message.hpp"
#include "rabbit_config.hpp"

namespace cleat::rabbitmq {

/// The channels of a connection. What closes `aside` closes nothing else: a publisher tries there what the broker
/// may refuse. An input has `main` only.
enum class Channel : std::uint8_t { main = 1, aside = 2 };

/// What the broker says by itself, on the thread that calls process(). Takes note, and does nothing with the
/// connection meanwhile.
class AmqpListener {
 public:
  virtual void on_delivery(Message&& /*message*/) {}
  virtual void on_confirm(Channel /*channel*/, std::uint64_t /*tag*/, bool /*multiple*/, bool /*is_ack*/) {}
  virtual void on_return(Channel /*channel*/, const std::string& /*why*/, const Message& /*message*/) {}
  virtual void on_blocked(bool /*is_blocked*/, const std::string& /*reason*/) {}
  /// The broker closed `aside`, which is opened again. on_aside_open() follows.
  virtual void on_aside_closed(const Error& /*why*/) {}
  virtual void on_aside_open() {}
  virtual void on_consuming() {}
  virtual void on_cancelled() {}
  virtual void on_answer() {}

 protected:
  ~AmqpListener() = default;
};

/// Throws Error(CLEAT_INVALID) for what the connections could not use of the certificates: a fault in them is to be
/// said at the beginning.
void check_certificates(const RabbitConfig& config);

/// Lets any thread end what another one waits for while it makes a connection.
class Interrupt {
 public:
  void set();
  [[nodiscard]] bool is_set() const;

 private:
  friend class AmqpLink;
  void watch(int descriptor);

  mutable std::mutex mutex_;
  int descriptor_ = -1;
  bool is_set_ = false;
};

/// One connection, for one thread at a time. Whatever fails throws Error, and then the connection is of no more
/// use. What makes it waits for the broker: the constructor for as long as `within` at most for each of its
/// steps, set_up() and open_for_confirms() for 5 s at most for each answer. All others wait for no answer.
class AmqpLink {
 public:
  /// To `address`, reached at `numeric`.
  AmqpLink(const RabbitConfig& config, const Address& address, const std::string& numeric,
           std::chrono::milliseconds within, std::shared_ptr<Interrupt> interrupt);
  AmqpLink(const AmqpLink&) = delete;
  AmqpLink& operator=(const AmqpLink&) = delete;
  ~AmqpLink();

  /// The exchange, if its kind is given, and the queue, with what it is to have; or that they are there. As an
  /// input the queue is bound to the exchange.
  void set_up(const RabbitConfig& config, bool is_input);
  /// Both channels confirm what is published from here on.
  void open_for_confirms();

  [[nodiscard]] int descriptor() const;
  /// The major version of RabbitMQ; 0 if it does not say.
  [[nodiscard]] int server_major() const { return server_major_; }

  /// A consumer more, with a prefetch count of its own. on_consuming() follows.
  void consume(const std::string& queue, const std::string& tag, std::uint16_t prefetch, bool exclusive);
  /// Ends a consumer; what is out stays so. on_cancelled() follows the last delivery.
  void cancel(const std::string& tag);
  void ack(std::uint64_t delivery_tag);
  void give_back(std::uint64_t delivery_tag, bool requeue);

  /// Whether the socket takes `size` bytes at once, of 16 KiB at most. What is sent when it does not may wait until
  /// the kernel gives the connection up, after 15 s.
  [[nodiscard]] bool has_room(std::size_t size);
  /// Between them what is sent goes out in as few packets as it needs; or at the latest after 200 ms.
  void hold();
  void release();
  [[nodiscard]] bool fits(const Outgoing& message) const;
  /// Begins a message. What it gives back is the part of the body that is still to be sent, by continue_message(),
  /// before another message begins; unless on_aside_closed() comes for its channel.
  [[nodiscard]] std::string_view begin_message(Channel channel, const Outgoing& message, bool mandatory);
  [[nodiscard]] std::string_view continue_message(std::string_view rest);

  /// Asks for a sign of life; on_answer() follows.
  void ask();

  /// Handles what has arrived and keeps the heartbeat; to be called once a second at least.
  void process(AmqpListener& listener);

  /// Says goodbye and waits for the answer, so that the broker has read all that was sent before. Throws nothing.
  void close(std::chrono::milliseconds within);

 private:
  struct State;
  void log_in(const RabbitConfig& config, const Address& address);
  void open_socket(const RabbitConfig& config, const Address& address, const std::string& numeric,
                   std::chrono::milliseconds within);
  void open_channel(Channel channel);
  void look_at_server();
  void declare_exchange(const RabbitConfig& config);
  void declare_queue(const QueueSettings& queue);

  std::unique_ptr<State> state_;
  std::shared_ptr<Interrupt> interrupt_;
  std::size_t room_ = 0;  ///< what the socket takes without being asked again
  int server_major_ = 0;
};

}  // namespace cleat::rabbitmq
