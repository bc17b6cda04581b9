#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "base/task.hpp"

namespace cleat {

/// Runs the [control] calls of one instance in order, on a thread that lives only while there are some: none at idle.
class Control {
 public:
  Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  /// Does not wait: what still runs keeps what it needs by itself (the tasks own it).
  ~Control();

  /// Any thread.
  void submit(Task work);
  /// Waits until nothing is queued or running and the thread is gone; not from one of the tasks. False: not by the deadline (CLOCK_MONOTONIC ns; 0: wait for ever).
  [[nodiscard]] bool wait_idle(std::uint64_t deadline_ns);

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;  ///< under the state's mutex
};

}  // namespace cleat
