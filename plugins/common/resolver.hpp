#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "common/addresses.hpp"
#include "common/event_loop.hpp"
#include "common/lookup.hpp"

namespace cleat::common {

/// Finds addresses for what lives on a loop, without holding the loop up: questions that need the system's resolver are
/// put one after the other.
class Resolver {
 public:
  using Done = std::function<void(const Addresses&)>;

  /// `loop` outlives it.
  explicit Resolver(EventLoop& loop) : loop_(loop) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// On the loop. `done` is called on it later, never from inside ask(); not at all if the loop has stopped. With 64
  /// questions before this one the answer is that there are too many.
  void ask(const std::string& host, std::uint16_t port, Done done);

  /// On the loop, or after it has stopped. Drops all questions, and waits for none.
  void stop();

 private:
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    Done done;
  };

  void put_first();
  void answered(const Addresses& found);

  EventLoop& loop_;
  std::deque<Question> questions_;  ///< the first one is put
  std::optional<Lookup> lookup_;
};

}  // namespace cleat::common
