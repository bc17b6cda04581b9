#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/event_loop.hpp"
#include "message.hpp"
#include "session.hpp"

namespace cleat::rabbitmq {

/// Publishes with confirms: a call succeeds when the broker has said that it has the message. A connection of its
/// own: a broker that is short of memory stops reading from publishers, and acknowledgements must not wait behind
/// them.
class Publisher {
 public:
  using Health = std::function<void(std::int32_t state, const std::string& why)>;

  Publisher(Host host, const RabbitConfig& config, Health health);

  void start();
  /// Any thread. The bytes of the request stay the host's until the call is completed.
  void invoke(const Request& request, Call&& call);
  /// Throws Error if there is no connection at the deadline.
  void ping(Deadline deadline);
  /// Waits for confirms until shortly before the deadline, then ends what is left.
  void stop(Deadline deadline);

 private:
  struct Pending {
    Call call;
    Outgoing message;
    std::uint64_t tag = 0;  ///< 0: not sent
    std::string unroutable;
    common::EventLoop::TimerId timer = 0;
    bool is_over = false;
  };
  using PendingPtr = std::shared_ptr<Pending>;

  void begin(const PendingPtr& pending, std::uint64_t deadline_ns);
  void send(const PendingPtr& pending);
  void send_waiting();
  void confirmed(std::uint64_t tag, bool multiple, bool is_ack);
  void confirm(const PendingPtr& pending, bool is_ack);
  void returned(const std::string& why, const Message& message);
  void lost(const Error& why);
  void late(const PendingPtr& pending);
  void fail(const PendingPtr& pending, cleat_status status, const std::string& text,
            std::uint32_t flags = CLEAT_RETRYABLE);
  void forget(const PendingPtr& pending);
  void check_empty();

  Host host_;
  const RabbitConfig& config_;
  Health health_;
  common::EventLoop loop_;
  Session session_;
  std::atomic<std::uint32_t> out_{0};
  std::deque<PendingPtr> waiting_;                   ///< for a connection, or for a broker that takes no more
  std::map<std::uint64_t, PendingPtr> unconfirmed_;  ///< by delivery tag of the present connection
  std::uint64_t last_tag_ = 0;
  bool is_blocked_ = false, ending_ = false;
  std::string blocked_why_;
  std::function<void()> when_empty_;
};

}  // namespace cleat::rabbitmq
