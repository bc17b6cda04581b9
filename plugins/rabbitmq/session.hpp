#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>

#include "amqp_link.hpp"
#include "common/event_loop.hpp"
#include "rabbit_config.hpp"

namespace cleat::rabbitmq {

/// A connection of one kind, publishing or consuming, on a thread of its own that makes it again and again until
/// close(). All functions but those marked otherwise run on the loop's thread.
class Session {
 public:
  struct Hooks {
    std::function<void(AmqpLink&)> set_up;  ///< on a fresh connection; may throw Error
    std::function<void()> up;
    std::function<void(const Error& why)> down;  ///< also after each attempt that failed
    std::function<void()> tick;                  ///< once a second
  };

  Session(common::EventLoop& loop, const RabbitConfig& config, AmqpEvents events, Hooks hooks);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void open();
  void close();

  [[nodiscard]] AmqpLink* link() { return link_.get(); }
  /// Any thread: why there is no connection. Nothing while there is one, and before the first attempt has ended.
  [[nodiscard]] std::unique_ptr<Error> why_down() const;

  /// Does something with the connection. If that throws, the connection is given up.
  void use(const std::function<void(AmqpLink&)>& action);
  void drop(const Error& why);

 private:
  void connect();
  void process();
  void tick();
  void retry();

  common::EventLoop& loop_;
  const RabbitConfig& config_;
  const AmqpEvents events_;
  const Hooks hooks_;
  std::unique_ptr<AmqpLink> link_;
  int watched_ = -1;
  std::size_t next_address_ = 0;
  std::chrono::milliseconds back_off_{0};
  std::minstd_rand random_{std::random_device{}()};
  common::EventLoop::TimerId retry_timer_ = 0, tick_timer_ = 0;
  bool closed_ = false;
  mutable std::mutex mutex_;
  std::unique_ptr<Error> why_;
};

}  // namespace cleat::rabbitmq
