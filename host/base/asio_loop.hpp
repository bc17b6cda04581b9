#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "base/loop.hpp"

namespace cleat {

/// A loop on an io_context of its own, run by exactly one thread. All timers of the loop share one Asio timer.
class AsioLoop final : public Loop {
 public:
  AsioLoop();

  void post(Task task) override;
  [[nodiscard]] std::uint64_t now_ns() const override;
  [[nodiscard]] bool is_current() const override;
  void arm(Timer& timer, std::uint64_t when_ns) override;

  /// Runs on the calling thread until stop().
  void run();
  /// Makes run() return soon. Any thread.
  void stop();

  boost::asio::io_context& context() { return context_; }

 private:
  void wait_for_next();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer wake_;
  TimerQueue timers_;
  std::uint64_t waiting_until_ns_ = 0;
  std::atomic<std::thread::id> thread_{};
};

/// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t monotonic_now_ns();

}  // namespace cleat
