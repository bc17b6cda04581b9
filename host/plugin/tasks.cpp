#include "plugin/tasks.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace cleat {

struct Tasks::State : std::enable_shared_from_this<State> {
  struct Entry {
    Entry(State& state, std::uint64_t number, cleat_task task, void* arg, std::uint64_t not_before_ns,
          bool blocking)
        : task(task), arg(arg), not_before_ns(not_before_ns), blocking(blocking), timer([&state, number] {
            state.start(number);
          }) {}

    cleat_task task;
    void* arg;
    std::uint64_t not_before_ns;
    bool blocking;
    Timer timer;  // touched on the home thread only
  };
  using EntryPtr = std::shared_ptr<Entry>;

  State(Loop& home, Pool* pool) : home(home), pool(pool) {}

  EntryPtr find(std::uint64_t number) {
    const std::lock_guard lock(mutex);
    const auto found = waiting.find(number);
    return closed || found == waiting.end() ? nullptr : found->second;
  }

  // On the home thread.
  void arrive(std::uint64_t number) {
    const EntryPtr entry = find(number);
    if (!entry) return;
    if (entry->not_before_ns > home.now_ns()) {
      home.arm(entry->timer, entry->not_before_ns);
    } else {
      start(number);
    }
  }

  // On the home thread. A full pool is tried again: the task was taken, so it must run.
  void start(std::uint64_t number) {
    const EntryPtr entry = find(number);
    if (!entry) return;
    if (!entry->blocking) {
      run(number);
    } else if (!pool->submit([self = shared_from_this(), number] { self->run(number); })) {
      home.arm(entry->timer, home.now_ns() + 10 * kMillisecond);
    }
  }

  void run(std::uint64_t number) {
    EntryPtr entry;
    {
      const std::lock_guard lock(mutex);
      const auto found = waiting.find(number);
      if (closed || found == waiting.end()) return;
      entry = std::move(found->second);
      waiting.erase(found);
      ++running;
    }
    entry->task(entry->arg, 0);
    {
      const std::lock_guard lock(mutex);
      --running;
    }
    idle.notify_all();
    // Its timer may only die on the home thread.
    if (!home.is_current()) home.post([entry = std::move(entry)] {});
  }

  Loop& home;
  Pool* pool;
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t running = 0;
  bool closed = false;
  std::uint64_t next = 0;
  std::unordered_map<std::uint64_t, EntryPtr> waiting;
};

Tasks::Tasks(Loop& home, Pool* pool) : state_(std::make_shared<State>(home, pool)) {}

Tasks::~Tasks() = default;

cleat_status Tasks::post(cleat_task task, void* arg, std::uint64_t not_before_ns, std::uint32_t flags) {
  const bool blocking = (flags & CLEAT_POST_BLOCKING) != 0;
  if (task == nullptr || (blocking && state_->pool == nullptr)) return CLEAT_INVALID;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return CLEAT_CANCELLED;
    if (state_->waiting.size() >= kMost) return CLEAT_AGAIN;
    number = state_->next++;
    state_->waiting.emplace(
        number, std::make_shared<State::Entry>(*state_, number, task, arg, not_before_ns, blocking));
  }
  state_->home.post([state = state_, number] { state->arrive(number); });
  return CLEAT_OK;
}

void Tasks::close() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
}

bool Tasks::cancel_all(std::uint64_t deadline_ns) {
  auto waiting = std::make_shared<decltype(state_->waiting)>();
  bool idle = false;
  {
    std::unique_lock lock(state_->mutex);
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    idle = state_->idle.wait_until(lock, deadline, [this] { return state_->running == 0; });
    waiting->swap(state_->waiting);
  }
  for (const auto& [number, entry] : *waiting)
    entry->task(entry->arg, 1);
  // Their timers may only die on the home thread, before the state that they point to.
  state_->home.post([state = state_, waiting]() mutable { waiting.reset(); });
  return idle;
}

}  // namespace cleat
