#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "session.hpp"

namespace cleat::nats {

/// One attempt to connect, on a thread of its own: looking up a name and the TLS handshake have no bound in the library, and
/// whoever waits for the connection has one. Who gives up destroys the attempt; its thread then ends on its own when the
/// system lets it, throws away what it got, and calls nothing of ours.
class Attempt {
 public:
  /// `finished` is called on the attempt's thread.
  Attempt(const ServerConfig& config, std::function<void()> finished);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt();

  [[nodiscard]] bool is_done() const;
  /// After it is done, once: the connection, or nothing and why.
  std::unique_ptr<Session> take(Failure& failure);
  [[nodiscard]] std::chrono::steady_clock::time_point begun() const { return begun_; }
  /// Expires when the attempt's thread has let go.
  [[nodiscard]] std::weak_ptr<void> trace() const { return state_; }

 private:
  struct State;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace cleat::nats
