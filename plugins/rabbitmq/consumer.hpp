#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/event_loop.hpp"
#include "event_batch.hpp"
#include "message.hpp"
#include "session.hpp"

namespace cleat::rabbitmq {

/// Reads one queue. What is out is unacknowledged at the broker, which gives it out again when the channel ends,
/// so nothing is kept here: events of a channel that ended are withdrawn, and their settlements ignored.
class Consumer final : private AmqpListener {
 public:
  using Health = std::function<void(std::int32_t state, const std::string& why)>;

  Consumer(Host host, const RabbitConfig& config, Health health);

  void start();
  void begin(const Window& window);
  /// Any thread, without waiting.
  void set_window(const Window& window);
  void settle(Settlements settlements);
  /// Throws Error if the broker has not answered at the deadline.
  void ping(Deadline deadline) { session_.ping(deadline); }
  /// Delivers nothing more when it returns. Throws Error if that is not so at the deadline.
  void end(Deadline deadline);
  void stop(Deadline deadline);

 private:
  using Clock = std::chrono::steady_clock;
  struct Reader {
    std::string tag;
    std::uint32_t prefetch = 0;
  };
  struct Out {
    std::uint64_t tag = 0;
    Clock::time_point since;
    bool is_alarming = false;
  };
  struct Settled {
    std::uint64_t id = 0;
    std::int32_t verdict = 0;
    std::uint32_t flags = 0;
  };

  void on_delivery(Message&& message) override;
  void on_consuming() override;
  void on_cancelled() override { --cancelling_; }
  void on_answer() override { session_.answered(); }

  void up();
  void apply(const Window& window);
  void advance();
  void consume();
  void stop_consuming();
  void give_back_backlog();
  void deliver_backlog();
  std::uint32_t deliver_some(std::uint32_t count);
  void settle_all();
  void settle_one(AmqpLink& link, const Settled& settled, const Out& out);
  void lost(const Error& why);
  void tick();
  void give_up_old();
  void alarm(std::uint64_t id, const Received& received);
  void warn_of_limit(const std::string& why);
  void tell_health();

  Host host_;
  const RabbitConfig& config_;
  Health health_;
  common::EventLoop loop_;
  Session session_;
  std::mutex settled_mutex_;
  std::vector<Settled> settled_;  ///< not told to the broker; at most as many as are out
  Window window_;
  bool reading_ = false;
  std::vector<Reader> readers_;   ///< consumers that are there
  std::uint32_t cancelling_ = 0;  ///< consumers that are about to end
  std::uint64_t last_reader_ = 0;
  std::deque<Received> backlog_;  ///< prefetched, not delivered; at most the sum of the prefetch counts
  std::map<std::uint64_t, Out> out_;
  /// Unacknowledged, by tag, and of no more interest to the host.
  std::map<std::uint64_t, Clock::time_point> left_;
  std::uint64_t last_event_ = 0;
  Clock::time_point paused_since_{}, told_at_{};
  std::map<std::uint64_t, std::string> alarming_;  ///< by event: what the broker is about to drop
  std::string why_down_;                           ///< until it reads again, or has nothing to read
  int server_major_ = 0;
  bool has_warned_ = false;
};

}  // namespace cleat::rabbitmq
