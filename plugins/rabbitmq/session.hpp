#pragma once

#include <cleat/plugin.hpp>

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "amqp_link.hpp"
#include "common/back_off.hpp"
#include "common/event_loop.hpp"
#include "common/on_loop.hpp"
#include "common/resolver.hpp"
#include "rabbit_config.hpp"

namespace cleat::rabbitmq {

/// A connection of one kind, publishing or consuming, that is made again and again until close(). The loop owns it
/// once it is made; the making, in which the library waits, has a thread for each attempt. All
/// functions but those marked otherwise are for the loop's thread.
class Session {
 public:
  struct Hooks {
    /// On a fresh connection, on a thread of its own; may throw Error.
    std::function<void(AmqpLink&)> set_up;
    std::function<void()> up;
    std::function<void(const Error& why)> down;  ///< also after each attempt that failed
    std::function<void()> ready;  ///< what arrived was handled, or there is room again for what is to be sent
    std::function<void()> tick;   ///< once a second
  };

  Session(common::EventLoop& loop, const RabbitConfig& config, AmqpListener& listener, Hooks hooks);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void open();
  /// Says goodbye to the broker, at most until shortly before `deadline`.
  void close(Deadline deadline);

  [[nodiscard]] bool is_up() const { return link_ != nullptr; }
  /// Any thread: why there is no connection. Nothing while there is one, and before the first attempt has ended.
  [[nodiscard]] std::optional<Error> why_down() const;

  /// Does something with the connection, if there is one. If that throws, the connection is given up. Not from
  /// inside the listener.
  void use(const std::function<void(AmqpLink&)>& action);
  /// The connection does what it is for: the next attempts, when it is lost, begin without a long wait.
  void is_well() {
    back_off_.reset();
    failed_in_turn_ = 0;
  }
  /// Calls `ready` when the socket takes more, until it is told otherwise.
  void watch_room(bool wanted);

  /// Any thread but the loop's: throws Error if the broker has not answered at the deadline.
  void ping(Deadline deadline);
  /// For the listener: the answer to a ping.
  void answered();

 private:
  struct Attempt {
    std::unique_ptr<AmqpLink> link;
    std::optional<Error> failure;
  };

  void connect();
  void connect_to(const common::Addresses& found);
  Attempt attempt(const Address& address, const common::Addresses& found,
                  const std::shared_ptr<Interrupt>& interrupt) const;
  std::unique_ptr<AmqpLink> connected(const Address& address, const common::Addresses& found,
                                      const std::shared_ptr<Interrupt>& interrupt) const;
  void arrived(Attempt attempt);
  void process();
  void drop(const Error& why);
  void fall(const Error& why);
  void retry();
  void tick();

  common::EventLoop& loop_;
  const RabbitConfig& config_;
  AmqpListener& listener_;
  const Hooks hooks_;
  std::unique_ptr<AmqpLink> link_;
  int watched_ = -1;
  bool watches_room_ = false, closed_ = false;
  common::Resolver resolver_;
  std::thread attempt_;
  std::shared_ptr<Interrupt> interrupt_;
  std::size_t address_ = 0, failed_in_turn_ = 0;
  common::BackOff back_off_;
  common::EventLoop::TimerId retry_timer_ = 0, tick_timer_ = 0;
  std::list<common::Answer> pings_;
  mutable std::mutex mutex_;
  std::optional<Error> why_;
};

}  // namespace cleat::rabbitmq
