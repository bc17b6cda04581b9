#include "app/control.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace cleat {

struct Control::State {
  std::mutex mutex;
  std::condition_variable idle;
  std::deque<Task> queue;
  bool running = false;

  void run() {
    std::unique_lock lock(mutex);
    while (!queue.empty()) {
      Task work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = {};
      lock.lock();
    }
    running = false;
    idle.notify_all();
  }
};

Control::Control() : state_(std::make_shared<State>()) {}

// A plugin may hold the thread for ever.
Control::~Control() {
  const std::lock_guard lock(state_->mutex);
  if (!thread_.joinable()) return;
  if (state_->running) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void Control::submit(Task work) {
  const std::lock_guard lock(state_->mutex);
  state_->queue.push_back(std::move(work));
  if (state_->running) return;
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([state = state_] { state->run(); });
  state_->running = true;
}

bool Control::wait_idle(std::uint64_t deadline_ns) {
  std::unique_lock lock(state_->mutex);
  const auto is_idle = [this] { return !state_->running; };
  if (deadline_ns == 0) {
    state_->idle.wait(lock, is_idle);
  } else {
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    if (!state_->idle.wait_until(lock, deadline, is_idle)) return false;
  }
  // What libraries keep for a thread is freed at its very end: when the process ends before, they find it gone.
  if (thread_.joinable()) thread_.join();
  return true;
}

}  // namespace cleat
