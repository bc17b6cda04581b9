#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace cleat::kafka {

/// Wakes one thread. notify() may be called under any lock, also from librdkafka's callbacks: nothing is
/// called from inside it.
class Wake {
 public:
  void notify() {
    {
      const std::lock_guard lock(mutex_);
      is_set_ = true;
    }
    changed_.notify_one();
  }
  /// Returns at notify(), at once if it was called since the last wait, or at `end`.
  void wait_until(std::chrono::steady_clock::time_point end) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, end, [this] { return is_set_; });
    is_set_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

}  // namespace cleat::kafka
