#pragma once

#include <future>
#include <thread>

#include "base/asio_loop.hpp"

namespace cleat::testing {

/// A loop on a thread of its own, until stop() or destruction.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread() { stop(); }

  AsioLoop& loop() { return loop_; }
  /// Runs the function on the loop's thread and waits for it.
  template <class F>
  void run(F function) {
    std::promise<void> done;
    loop_.post([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }
  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  AsioLoop loop_;
  std::thread thread_;
};

}  // namespace cleat::testing
