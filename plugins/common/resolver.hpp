#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/addresses.hpp"
#include "common/event_loop.hpp"

namespace cleat::common {

/// Finds addresses for what lives on a loop, without holding the loop up: questions that need the system's resolver are
/// put one after the other, by a thread that begins with the first of them.
class Resolver {
 public:
  using Done = std::function<void(const Addresses&)>;

  /// `loop` outlives it.
  explicit Resolver(EventLoop& loop) : loop_(loop) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() { stop(); }

  /// On the loop. `done` is called on it later, never from inside ask(); not at all if the loop has stopped. With 64
  /// questions before this one the answer is that there are too many.
  void ask(const std::string& host, std::uint16_t port, Done done);

  /// Any thread but the loop's. Drops the questions that wait, and waits for the one that is put.
  void stop();

 private:
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    Done done;
  };

  void run();

  EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Question> questions_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cleat::common
