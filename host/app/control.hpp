#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "base/log.hpp"
#include "base/loop.hpp"

namespace cleat {

/// Runs the [control] calls of one instance in order, on a thread that lives only while there are some: none at idle. Where the
/// system has no thread to give, they wait until it has.
class Control {
 public:
  /// Throws std::system_error when there is none to be had.
  using StartThread = std::function<std::thread(Task&&)>;

  /// Loop and log outlive it and its tasks.
  Control(
      Loop& loop, Log& log,
      StartThread start_thread = [](Task&& run) { return std::thread(std::move(run)); });
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  /// Does not wait: what still runs keeps what it needs by itself (the tasks own it). What has no thread yet never runs.
  ~Control();

  /// Any thread.
  void submit(Task work);
  /// Waits until nothing is queued or running and the thread is gone; not from one of the tasks. False: not by the deadline (CLOCK_MONOTONIC ns; 0: wait for ever).
  [[nodiscard]] bool wait_idle(std::uint64_t deadline_ns);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cleat
