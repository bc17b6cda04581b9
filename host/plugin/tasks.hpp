#pragma once

#include <cleat/plugin.h>

#include <memory>

#include "base/loop.hpp"
#include "plugin/pool.hpp"

namespace cleat {

/// What a plugin posted to be run later: bounded, each run exactly once, cancelled ones too.
class Tasks {
 public:
  static constexpr std::size_t kMost = 1024;

  /// `pool`: for CLEAT_POST_BLOCKING; nullptr refuses those.
  Tasks(Loop& home, Pool* pool);
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;
  ~Tasks();

  /// The host table's post(). Any thread.
  cleat_status post(cleat_task task, void* arg, std::uint64_t not_before_ns, std::uint32_t flags);
  /// [control] stop() comes next: nothing more is taken and nothing more begins.
  void close();
  /// [control] stop() has returned: what has not run is run here, cancelled. Waits for what runs; false: one still did at
  /// the deadline.
  [[nodiscard]] bool cancel_all(std::uint64_t deadline_ns);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cleat
