#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "base/task.hpp"

namespace cleat {

inline constexpr std::uint64_t kMicrosecond = 1'000;
inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

/// One deadline of one owner. Arming allocates nothing; destroying an armed timer disarms it. Belongs to the thread of the
/// loop that it is armed on.
class Timer
    : public boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Timer(Task on_time) : on_time_(std::move(on_time)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  [[nodiscard]] bool armed() const { return is_linked(); }
  void disarm() {
    if (is_linked()) unlink();
  }
  [[nodiscard]] std::uint64_t when_ns() const { return when_ns_; }

  friend bool operator<(const Timer& a, const Timer& b) { return a.when_ns_ < b.when_ns_; }

 private:
  friend class TimerQueue;
  std::uint64_t when_ns_ = 0;
  Task on_time_;
};

/// The armed timers of one loop, soonest first.
class TimerQueue {
 public:
  /// Arms or re-arms.
  void arm(Timer& timer, std::uint64_t when_ns);
  /// Runs what is due at now_ns. A timer is disarmed before it runs, so it may re-arm itself.
  void run_due(std::uint64_t now_ns);
  /// The soonest deadline, or 0 when nothing is armed.
  [[nodiscard]] std::uint64_t next_ns() const;

 private:
  boost::intrusive::multiset<Timer, boost::intrusive::constant_time_size<false>> armed_;
};

/// One thread's event loop: what the rooms see of it. Stepped by hand in tests.
class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  /// Runs the task later on the loop's thread. Any thread; order per posting thread is kept.
  virtual void post(Task task) = 0;
  /// CLOCK_MONOTONIC nanoseconds (the clock is a parameter in tests). Any thread.
  [[nodiscard]] virtual std::uint64_t now_ns() const = 0;
  /// Whether the caller is on the loop's thread.
  [[nodiscard]] virtual bool is_current() const = 0;
  /// Runs the timer at when_ns or soon after. Only on the loop's thread.
  virtual void arm(Timer& timer, std::uint64_t when_ns) = 0;
};

}  // namespace cleat
