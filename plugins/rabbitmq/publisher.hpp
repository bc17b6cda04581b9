#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/event_loop.hpp"
#include "message.hpp"
#include "session.hpp"

namespace cleat::rabbitmq {

/// Publishes with confirms: a call succeeds when the broker has said that it has the message. A connection of its
/// own: a broker that is short of memory stops reading from publishers, and acknowledgements must not wait behind
/// them.
///
/// What a broker refuses, an exchange that is not there or not allowed, closes the channel with all that is on its
/// way there. So the first message to an exchange, and what is odd otherwise, goes alone over a channel of its own.
class Publisher final : private AmqpListener {
 public:
  using Health = std::function<void(std::int32_t state, const std::string& why)>;

  Publisher(Host host, const RabbitConfig& config, Health health);

  void start();
  /// Any thread. The bytes of the request stay the host's until the call is completed.
  void invoke(const Request& request, Call&& call);
  /// Any thread, without waiting. A message that was not sent is not sent any more.
  void cancel(std::uint64_t call_id);
  /// Throws Error if the broker has not answered at the deadline.
  void ping(Deadline deadline) { session_.ping(deadline); }
  /// Waits for confirms until shortly before the deadline, then ends what is left.
  void stop(Deadline deadline);

 private:
  struct Pending {
    Pending(std::uint64_t id_, Call call_, Outgoing message_)
        : id(id_), call(std::move(call_)), message(std::move(message_)) {}
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    ~Pending() {
      if (call) call.fail(CLEAT_CANCELLED, "the component stops", CLEAT_RETRYABLE);  // it came after the end
    }
    const std::uint64_t id;
    Call call;
    Outgoing message;
    bool is_sent = false, is_over = false;
    std::string unroutable;
    common::EventLoop::TimerId timer = 0;
  };
  using PendingPtr = std::shared_ptr<Pending>;
  using Line = std::list<PendingPtr>;
  /// The one message that is being written.
  struct Sending {
    PendingPtr pending;
    Channel channel;
    std::string_view rest;
    std::string kept;  ///< the rest, if the call ended meanwhile
  };
  struct Confirms {
    std::uint64_t last_tag = 0;
    std::map<std::uint64_t, PendingPtr> open;
  };

  void on_confirm(Channel channel, std::uint64_t tag, bool multiple, bool is_ack) override;
  void on_return(Channel channel, const std::string& why, const Message& message) override;
  void on_blocked(bool is_blocked, const std::string& reason) override;
  void on_aside_closed(const Error& why) override;
  void on_aside_open() override { is_aside_open_ = true; }
  void on_answer() override { session_.answered(); }

  void up();
  void begin(const PendingPtr& pending, std::uint64_t deadline_ns);
  [[nodiscard]] bool is_odd(const Outgoing& message) const;
  void pump_soon();
  void pump();
  [[nodiscard]] std::size_t size_of_next() const;
  [[nodiscard]] bool send_next(AmqpLink& link);
  void send(AmqpLink& link, PendingPtr pending, Channel channel);
  void confirm(const PendingPtr& pending, bool is_ack);
  void tried(const PendingPtr& pending);
  void lost(const Error& why);
  void late(const PendingPtr& pending);
  /// Takes back what was not sent; false if it was.
  bool take_back(const PendingPtr& pending);
  void fail(const PendingPtr& pending, cleat_status status, const std::string& text, std::uint32_t flags,
            std::int64_t native_code = 0);
  void forget(const PendingPtr& pending);
  void check_empty();
  void end(Deadline deadline);
  std::vector<PendingPtr> forget_confirms(Channel channel);
  void suspect(const Outgoing& message);
  Confirms& confirms(Channel channel) { return confirms_[channel == Channel::main ? 0 : 1]; }

  Host host_;
  const RabbitConfig& config_;
  Health health_;
  common::EventLoop loop_;
  Session session_;
  std::atomic<std::uint32_t> out_{0};          ///< calls that are not over
  std::atomic<std::uint32_t> unconfirmed_{0};  ///< messages that are kept beyond the end of their calls
  Line line_, odd_line_;                       ///< not sent: for the channel of all, and for the one aside
  std::optional<Sending> sending_;
  PendingPtr alone_;  ///< what is aside now, while its call waits
  std::array<Confirms, 2> confirms_;
  std::set<std::string, std::less<>> known_;  ///< exchanges that took a message on this connection
  std::set<std::pair<std::string, std::string>> suspects_;  ///< exchange and routing key: see suspect()
  bool is_aside_open_ = false, is_blocked_ = false, is_ending_ = false, pumps_soon_ = false;
  std::string blocked_why_;
  std::function<void()> when_empty_;
};

}  // namespace cleat::rabbitmq
