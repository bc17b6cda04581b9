#include "app/control.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>

namespace cleat {

namespace {

constexpr std::uint64_t kTryAgain = 100 * kMillisecond;

}  // namespace

struct Control::State : std::enable_shared_from_this<State> {
  State(Loop& given_loop, Log& given_log, StartThread start)
      : loop(given_loop), log(given_log), start_thread(std::move(start)), again([this] { try_again(); }) {}

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

  // With the mutex held.
  void begin() {
    if (running || queue.empty()) return;
    if (thread.joinable()) thread.join();
    try {
      thread = start_thread([self = shared_from_this()] { self->run(); });
      running = true;
    } catch (const std::system_error& error) {
      if (std::exchange(waiting, true)) return;
      log.warn(
          "the system gives no thread for what starts and stops components: it is asked again until it does",
          {{"error", error.what()}});
      loop.post(
          [self = shared_from_this()] { self->loop.arm(self->again, self->loop.now_ns() + kTryAgain); });
    }
  }

  // On the loop.
  void try_again() {
    const std::lock_guard lock(mutex);
    begin();
    waiting = !running && !queue.empty();
    if (waiting) loop.arm(again, loop.now_ns() + kTryAgain);
  }

  Loop& loop;
  Log& log;
  const StartThread start_thread;
  std::mutex mutex;
  std::condition_variable idle;
  std::deque<Task> queue;
  bool running = false;
  bool waiting = false;  ///< for a thread: `again` is armed, or will be
  std::thread thread;
  Timer again;  ///< touched on the loop's thread only
};

Control::Control(Loop& loop, Log& log, StartThread start_thread)
    : state_(std::make_shared<State>(loop, log, std::move(start_thread))) {}

// A plugin may hold the thread for ever.
Control::~Control() {
  std::deque<Task> never;
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting) state_->loop.post([state = state_] { state->again.disarm(); });
  if (!state_->running) never.swap(state_->queue);
  if (!state_->thread.joinable()) return;
  if (state_->running) {
    state_->thread.detach();
  } else {
    state_->thread.join();
  }
}

void Control::submit(Task work) {
  const std::lock_guard lock(state_->mutex);
  state_->queue.push_back(std::move(work));
  state_->begin();
}

bool Control::wait_idle(std::uint64_t deadline_ns) {
  std::unique_lock lock(state_->mutex);
  const auto is_idle = [this] { return !state_->running && state_->queue.empty(); };
  if (deadline_ns == 0) {
    state_->idle.wait(lock, is_idle);
  } else {
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    if (!state_->idle.wait_until(lock, deadline, is_idle)) return false;
  }
  // What libraries keep for a thread is freed at its very end: when the process ends before, they find it gone.
  if (state_->thread.joinable()) state_->thread.join();
  return true;
}

}  // namespace cleat
