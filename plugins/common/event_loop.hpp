#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace cleat::common {

/// One thread that owns what a client library wants to be touched by one thread only: descriptors (epoll),
/// timers, and tasks from elsewhere. Everything but post() and the constructor is for tasks and handlers that
/// run on it. What is thrown there ends the process: a task handles its own failures.
class EventLoop {
 public:
  using Task = std::function<void()>;
  using Handler = std::function<void(std::uint32_t events)>;  ///< EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR
  using Clock = std::chrono::steady_clock;
  using TimerId = std::uint64_t;

  /// Makes the descriptors; throws std::system_error if the system has none left. The thread begins with start().
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  void start();
  /// Any thread but the loop's own. Runs what was posted before, then ends the thread; later posts are dropped.
  void stop();

  /// Any thread. In the order of the posts. Bounded by who posts. False: the loop has stopped, the task is dropped.
  bool post(Task task);

  /// Handlers may add, change and remove any descriptor, their own included.
  void add(int descriptor, std::uint32_t events, Handler handler);
  void change(int descriptor, std::uint32_t events);
  void remove(int descriptor);

  TimerId at(Clock::time_point when, Task task);
  TimerId after(Clock::duration wait, Task task) { return at(Clock::now() + wait, std::move(task)); }
  void cancel(TimerId timer);

  /// Runs once, after what is ready now was handled and before the thread sleeps again.
  void before_sleep(Task task) { before_sleep_.push_back(std::move(task)); }

 private:
  struct Watched {
    Handler handler;
  };

  void run();
  void run_posted();
  void run_timers();
  void run_before_sleep();
  [[nodiscard]] int wait_ms() const;
  void wake();

  int epoll_ = -1, wake_ = -1;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Task> posted_;
  bool stopping_ = false;
  bool is_awake_ = true;  ///< what is posted will be seen without a wake-up
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
  std::map<std::pair<Clock::time_point, TimerId>, Task> timers_;
  std::unordered_map<TimerId, Clock::time_point> timer_times_;
  TimerId last_timer_ = 0;
  std::vector<Task> before_sleep_;
};

}  // namespace cleat::common
