#pragma once

#include <cleat/plugin.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A host for one instance, in the hands of a test: it records what the plugin does and runs nothing by
/// itself. The test's thread is the home thread: settles, windows and posted tasks happen only when the test
/// says so. The host table may be called from every thread.
namespace cleat::testing {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline Pairs copy_pairs(const cleat_map& map) {
  Pairs pairs;
  for (std::size_t i = 0; i < map.count; ++i)
    pairs.emplace_back(view(map.items[i].key), view(map.items[i].value));
  return pairs;
}

/// The map form of pairs that stay where they are.
class MapOf {
 public:
  explicit MapOf(const Pairs& pairs) {
    for (const auto& [key, value] : pairs)
      items_.push_back({str(key), str(value)});
  }
  [[nodiscard]] cleat_map map() const { return {items_.data(), items_.size()}; }

 private:
  std::vector<cleat_kv> items_;
};

struct Delivered {
  std::uint64_t id = 0, lane = 0;
  std::string data, content_type, source_id, key, traceparent;
  Pairs metadata;
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key_, value] : metadata) {
      if (key_ == name) return value;
    }
    return "(no such metadata)";
  }
};

struct Completion {
  bool done = false;
  std::uint32_t times = 0;
  cleat_status status = CLEAT_OK;
  std::uint32_t flags = 0, retry_after_ms = 0;
  std::string text;
  bool has_response = false;
  std::string data, content_type;
  Pairs metadata;
  [[nodiscard]] bool is_retryable() const { return (flags & CLEAT_RETRYABLE) != 0; }
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : metadata) {
      if (key == name) return value;
    }
    return "(no such metadata)";
  }
};

struct LogLine {
  std::int32_t level = 0;
  std::string message;
  Pairs fields;
};

class FakeHost {
 public:
  enum class Clock { kManual, kSteady };

  explicit FakeHost(Clock clock = Clock::kManual) : clock_(clock) {
    table_.struct_size = sizeof table_;
    table_.abi_major = CLEAT_ABI_MAJOR;
    table_.abi_minor = CLEAT_ABI_MINOR;
    table_.name = "fake";
    table_.version = "0";
    table_.impl = this;
    table_.get_extension = [](const cleat_host*, const char*) -> const void* { return nullptr; };
    table_.log_enabled = [](const cleat_host*, std::int32_t) -> std::int32_t { return 1; };
    table_.log = [](const cleat_host* h, std::int32_t level, cleat_str message, const cleat_map* fields) {
      of(h).note([&](FakeHost& me) {
        me.log_.push_back(
            {level, std::string(view(message)), fields != nullptr ? copy_pairs(*fields) : Pairs{}});
      });
    };
    table_.now_ns = [](const cleat_host* h) { return of(h).now_ns(); };
    table_.post = [](const cleat_host* h, cleat_task task, void* arg, std::uint64_t not_before,
                     std::uint32_t) { return of(h).post(task, arg, not_before); };
    table_.set_health = [](const cleat_host* h, std::int32_t state, cleat_str why) {
      of(h).note([&](FakeHost& me) {
        me.health_ = {state, std::string(view(why))};
        ++me.health_count_;
      });
    };
    table_.complete = [](const cleat_host* h, cleat_call* call, cleat_response* response,
                         const cleat_failure* failure) { of(h).complete(call, response, failure); };
    table_.deliver = [](const cleat_host* h, cleat_event* const* events, std::uint32_t count,
                        std::uint32_t* accepted) { return of(h).deliver(events, count, accepted); };
    table_.withdraw = [](const cleat_host* h, std::int32_t by, const std::uint64_t* ids,
                         std::uint32_t count) {
      of(h).note([&](FakeHost& me) { me.withdraw(by, ids, count); });
    };
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] const cleat_host* table() const { return &table_; }

  /// Waits for another thread's work (no fixed sleep): true as soon as `done()` is, false after `limit`.
  /// `done` may use this object's accessors.
  bool wait_until(const std::function<bool()>& done,
                  std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      std::uint64_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = changes_;
      }
      if (done()) return true;
      std::unique_lock lock(mutex_);
      // The 20 ms are for conditions that no host function announces.
      changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return changes_ != seen; });
      if (std::chrono::steady_clock::now() > end) return false;
    }
  }

  // ---- clock and posted tasks
  [[nodiscard]] std::uint64_t now_ns() const {
    if (clock_ == Clock::kSteady) {
      return static_cast<std::uint64_t>(
          std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
    }
    const std::lock_guard lock(mutex_);
    return now_ns_;
  }
  /// Runs every task that is due, those included that are posted meanwhile. Returns how many ran.
  std::size_t run_due() {
    std::size_t ran = 0;
    while (auto task = take_task(now_ns())) {
      task->first(task->second, 0);
      ++ran;
    }
    return ran;
  }
  /// Goes to now + by, stopping at each task's time on the way. Manual clock only.
  void advance(std::chrono::nanoseconds by) {
    const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(by.count());
    run_due();
    for (std::optional<std::uint64_t> next = next_task_ns(); next && *next <= end; next = next_task_ns()) {
      set_now(*next);
      run_due();
    }
    set_now(end);
  }
  [[nodiscard]] std::size_t posted() const { return read(&FakeHost::tasks_).size(); }
  /// From here on post() is refused, as after stop() was called.
  void refuse_posts() {
    note([](FakeHost& me) { me.stopping_ = true; });
  }
  void cancel_posted() {
    while (auto task = take_task(UINT64_MAX))
      task->first(task->second, 1);
  }

  // ---- what was recorded; copies
  [[nodiscard]] std::vector<Delivered> delivered() const { return read(&FakeHost::delivered_); }
  [[nodiscard]] std::size_t delivered_count() const {
    const std::lock_guard lock(mutex_);
    return delivered_.size();
  }
  [[nodiscard]] Delivered delivered_at(std::size_t index) const {
    const std::lock_guard lock(mutex_);
    return delivered_.at(index);
  }
  [[nodiscard]] std::map<std::uint64_t, std::uint64_t> unsettled() const {
    return read(&FakeHost::unsettled_);
  }
  [[nodiscard]] std::vector<std::uint64_t> withdrawn() const { return read(&FakeHost::withdrawn_); }
  [[nodiscard]] std::vector<LogLine> log() const { return read(&FakeHost::log_); }
  [[nodiscard]] std::pair<std::int32_t, std::string> health() const { return read(&FakeHost::health_); }
  /// How often set_health() was called, with or without news.
  [[nodiscard]] std::size_t health_count() const { return read(&FakeHost::health_count_); }
  [[nodiscard]] std::uint64_t deliver_calls() const { return read(&FakeHost::deliver_calls_); }
  [[nodiscard]] bool logged(std::string_view part) const {
    const std::vector<LogLine> lines = log();
    return std::any_of(lines.begin(), lines.end(),
                       [&](const LogLine& line) { return line.message.find(part) != std::string::npos; });
  }
  [[nodiscard]] Completion completion(const Completion& of_call) const {
    const std::lock_guard lock(mutex_);
    return of_call;
  }

  // ---- for Driver
  void open(const Window& window) {
    note([&](FakeHost& me) {
      me.window_ = window;
      me.open_ = true;
    });
  }
  void shut() {
    note([](FakeHost& me) { me.open_ = false; });
  }
  /// Takes an event out of the count, as the host does before it calls settle(). False: not out.
  bool take_out(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    return unsettled_.erase(id) == 1;
  }

 private:
  static FakeHost& of(const cleat_host* host) { return *static_cast<FakeHost*>(host->impl); }
  template <class F>
  void note(F&& change) {
    {
      const std::lock_guard lock(mutex_);
      change(*this);
      ++changes_;
    }
    changed_.notify_all();
  }
  template <class T>
  [[nodiscard]] T read(T FakeHost::*member) const {
    const std::lock_guard lock(mutex_);
    return this->*member;
  }

  void set_now(std::uint64_t now) {
    const std::lock_guard lock(mutex_);
    now_ns_ = now;
  }
  std::optional<std::uint64_t> next_task_ns() const {
    const std::lock_guard lock(mutex_);
    return tasks_.empty() ? std::nullopt : std::optional(tasks_.begin()->first);
  }
  std::optional<std::pair<cleat_task, void*>> take_task(std::uint64_t until) {
    const std::lock_guard lock(mutex_);
    if (tasks_.empty() || tasks_.begin()->first > until) return std::nullopt;
    const auto task = tasks_.begin()->second;
    tasks_.erase(tasks_.begin());
    return task;
  }
  cleat_status post(cleat_task task, void* arg, std::uint64_t not_before) {
    cleat_status status = CLEAT_OK;
    note([&](FakeHost& me) {
      if (me.stopping_)
        status = CLEAT_CANCELLED;
      else if (me.tasks_.size() >= 1024)
        status = CLEAT_AGAIN;
      else
        me.tasks_.emplace(not_before, std::pair(task, arg));
    });
    return status;
  }
  void complete(cleat_call* token, cleat_response* response, const cleat_failure* failure) {
    note([&](FakeHost&) {
      auto& completion = *reinterpret_cast<Completion*>(token);
      completion.done = true;
      ++completion.times;
      if (failure != nullptr) {
        completion.status = failure->code;
        completion.flags = failure->flags;
        completion.retry_after_ms = failure->retry_after_ms;
        completion.text = view(failure->text);
      }
      if (response != nullptr) {
        const Buffer data(response->data);
        completion.has_response = true;
        completion.data = data.view();
        completion.content_type = view(response->content_type);
        completion.metadata = copy_pairs(response->metadata);
      }
    });
  }
  cleat_status deliver(cleat_event* const* events, std::uint32_t count, std::uint32_t* accepted) {
    *accepted = 0;
    cleat_status status = CLEAT_OK;
    note([&](FakeHost& me) {
      ++me.deliver_calls_;
      if (!me.open_) status = CLEAT_CANCELLED;
      for (std::uint32_t i = 0; i < count && status == CLEAT_OK; ++i) {
        if (me.take_in(*events[i]))
          ++*accepted;
        else
          status = CLEAT_AGAIN;
      }
    });
    return status;
  }
  bool take_in(const cleat_event& event) {
    std::uint64_t bytes = event.data.len;
    for (const auto& [id, size] : unsettled_)
      bytes += size;
    const bool full =
        unsettled_.size() >= window_.max_events || (window_.max_bytes != 0 && bytes > window_.max_bytes);
    if (window_.max_events == 0 || (full && !unsettled_.empty())) return false;
    const Buffer data(event.data);
    unsettled_[event.id] = event.data.len;
    lanes_[event.id] = event.lane;
    delivered_.push_back({event.id, event.lane, std::string(data.view()),
                          std::string(view(event.content_type)), std::string(view(event.source_id)),
                          std::string(view(event.key)), std::string(view(event.traceparent)),
                          copy_pairs(event.metadata)});
    return true;
  }
  void withdraw(std::int32_t by, const std::uint64_t* ids, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      for (const auto& [id, size] : unsettled_) {
        if ((by == CLEAT_BY_EVENT ? id : lanes_[id]) == ids[i]) withdrawn_.push_back(id);
      }
    }
  }

  cleat_host table_{};
  const Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0, now_ns_ = 1'000'000'000, deliver_calls_ = 0;
  bool open_ = false, stopping_ = false;
  Window window_;
  std::multimap<std::uint64_t, std::pair<cleat_task, void*>> tasks_;
  std::vector<Delivered> delivered_;
  std::map<std::uint64_t, std::uint64_t> unsettled_, lanes_;
  std::vector<std::uint64_t> withdrawn_;
  std::vector<LogLine> log_;
  std::pair<std::int32_t, std::string> health_{CLEAT_HEALTH_UNKNOWN, ""};
  std::size_t health_count_ = 0;
};

}  // namespace cleat::testing
