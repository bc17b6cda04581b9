#include "plugin/pool.hpp"

#include <system_error>
#include <utility>

namespace cleat {

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

bool Pool::submit(Task work) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= max_queued_) return false;
    if (queue_.size() >= idle_ && !has_thread()) return false;
    queue_.push_back(std::move(work));
    if (!needs_wake()) return true;
  }
  wake_.notify_one();
  return true;
}

// One more, if there may be one. Where the system has none to give, those that are there do the work.
bool Pool::has_thread() {
  if (threads_.size() >= max_threads_) return true;
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    return !threads_.empty();
  }
  return true;
}

// One thread is woken at a time, and wakes the next one if it finds more to do than it takes: short pieces of work are often
// done before a second thread is awake, and whoever submits is not held up by waking all of them.
bool Pool::needs_wake() {
  return !queue_.empty() && idle_ > 0 && !std::exchange(is_waking_, true);
}

void Pool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (queue_.empty() && !stopping_) {
      ++idle_;
      wake_.wait(lock);
      --idle_;
      is_waking_ = false;
    }
    if (queue_.empty()) return;
    Task work = std::move(queue_.front());
    queue_.pop_front();
    const bool wakes_next = needs_wake();
    lock.unlock();
    if (wakes_next) wake_.notify_one();
    work();
    work = {};
    lock.lock();
  }
}

}  // namespace cleat
