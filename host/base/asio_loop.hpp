#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "base/loop.hpp"

namespace cleat {

/// A loop on an io_context of its own, run by exactly one thread. All timers of the loop share one Asio timer.
///
/// What is posted waits in a queue of this class. Asio wakes its thread with its own lock held, and the thread then waits
/// for that lock: with a post for each answer of a plugin that costs more than all the rest of it.
class AsioLoop final : public Loop {
 public:
  /// Throws boost::system::system_error if the system has no descriptor left.
  AsioLoop();
  ~AsioLoop() override;

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
  using Descriptor = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

  void wait_for_posts();
  void run_posted();
  void wait_for_next();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer wake_;
  TimerQueue timers_;
  std::uint64_t waiting_until_ns_ = 0;
  std::atomic<std::thread::id> thread_{};
  Descriptor wake_up_;  ///< an eventfd
  std::uint64_t wakes_ = 0;
  std::mutex mutex_;
  std::vector<Task> posted_, running_;
  bool is_awake_ = false;  ///< run_posted() runs, or is about to: nobody needs to wake anybody
};

/// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t monotonic_now_ns();

}  // namespace cleat
