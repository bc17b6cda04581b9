#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/event_loop.hpp"
#include "message.hpp"
#include "session.hpp"

namespace cleat::rabbitmq {

/// Reads one queue. What is out is unacknowledged at the broker, which gives it out again when the channel ends,
/// so nothing is kept here: events of a channel that ended are withdrawn, and their settlements ignored.
class Consumer {
 public:
  using Health = std::function<void(std::int32_t state, const std::string& why)>;

  Consumer(Host host, const RabbitConfig& config, Health health);

  void start();
  void begin(const Window& window);
  /// Any thread, without waiting.
  void set_window(const Window& window);
  void settle(Settlements settlements);
  /// Delivers nothing more when it returns. Throws Error if that is not so at the deadline.
  void end(Deadline deadline);
  void stop(Deadline deadline);

 private:
  using Clock = std::chrono::steady_clock;
  struct Out {
    std::uint64_t tag = 0;
    Clock::time_point since;
  };
  struct Settled {
    std::uint64_t id = 0;
    std::int32_t verdict = 0;
    std::uint32_t flags = 0;
  };

  void apply(const Window& window);
  void consume();
  void stop_consuming();
  void take(Message&& message);
  void deliver_backlog();
  bool deliver(const Message& message);
  void settle_each(const std::vector<Settled>& settled);
  void settle_one(AmqpLink& link, const Settled& settled, std::uint64_t tag);
  void lost(const Error& why);
  void tick();
  void give_up_old();
  void watch_count(const Message& message);
  void tell_health();

  Host host_;
  const RabbitConfig& config_;
  Health health_;
  common::EventLoop loop_;
  Session session_;
  Window window_;
  bool reading_ = false, consuming_ = false;
  std::uint32_t prefetch_ = 0;
  std::deque<Message> backlog_;  ///< prefetched, not delivered; at most the prefetch count
  std::map<std::uint64_t, Out> out_;
  std::uint64_t last_event_ = 0;
  Clock::time_point paused_since_{}, told_at_{};
  std::string poison_;  ///< a message that the broker is about to drop
};

}  // namespace cleat::rabbitmq
