#pragma once

#include <deque>
#include <mutex>

#include "base/loop.hpp"

namespace cleat::testing {

/// A loop that a test steps by hand: nothing runs and no time passes unless the test says so.
class ManualLoop final : public Loop {
 public:
  void post(Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  [[nodiscard]] std::uint64_t now_ns() const override { return now_ns_; }
  [[nodiscard]] bool is_current() const override { return true; }
  void arm(Timer& timer, std::uint64_t when_ns) override { timers_.arm(timer, when_ns); }

  /// Runs the oldest posted task. False: there is none.
  bool step() {
    Task task;
    {
      const std::lock_guard lock(mutex_);
      if (tasks_.empty()) return false;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
    return true;
  }
  void run_posted() {
    while (step()) {
    }
  }
  /// Lets time pass and runs the timers that become due, not what they post.
  void advance(std::uint64_t ns) {
    now_ns_ += ns;
    timers_.run_due(now_ns_);
  }
  /// Time to the next armed timer; 0: none.
  [[nodiscard]] std::uint64_t until_next_timer() const {
    const std::uint64_t next = timers_.next_ns();
    return next == 0 ? 0 : (next > now_ns_ ? next - now_ns_ : 1);
  }

 private:
  std::mutex mutex_;
  std::deque<Task> tasks_;
  TimerQueue timers_;
  std::uint64_t now_ns_ = kSecond;
};

}  // namespace cleat::testing
