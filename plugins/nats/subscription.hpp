#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "client.hpp"
#include "session.hpp"

namespace cleat::nats {

/// Messages of a subject, each handed to a function on a thread of the library.
class Subscription {
 public:
  using Take = std::function<void(Message)>;
  /// Throws Error. `group` empty: none.
  Subscription(Session& session, const std::string& subject, const std::string& group, Take take);
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  /// The function does not run any more when this returns, but for a message that it has, at most.
  ~Subscription();
  /// Ends the subscription at the server; what was on its way still arrives. is_drained() tells when that is over.
  void drain();
  [[nodiscard]] bool is_drained() const;
  void wait_drained(std::chrono::steady_clock::time_point end) const;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
  natsSubscription* subscription_ = nullptr;
};

}  // namespace cleat::nats
