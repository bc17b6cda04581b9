#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/task.hpp"

namespace cleat {

/// Threads for a component whose plugin may block. They are started when the first work comes, never more than `threads`;
/// at most `max_queued` pieces of work wait, beyond that submit() refuses.
class Pool {
 public:
  Pool(std::size_t threads, std::size_t max_queued) : max_threads_(threads), max_queued_(max_queued) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  /// Runs what is queued, then joins.
  ~Pool();

  /// Any thread, never blocks on work. False: nothing was taken, because the queue is full, or because there is no thread
  /// yet and the system gives none.
  [[nodiscard]] bool submit(Task work);

 private:
  [[nodiscard]] bool has_thread();
  [[nodiscard]] bool needs_wake();
  void run();

  const std::size_t max_threads_, max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool is_waking_ = false;  ///< a thread was woken and has not looked yet
  bool stopping_ = false;
};

}  // namespace cleat
