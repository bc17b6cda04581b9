#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "message.hpp"
#include "pubsub_config.hpp"
#include "service.hpp"

namespace cleat::pubsub {

/// The calls of the application, sent together as far as they have one topic and one ordering key: at once while nothing of
/// these is on its way, otherwise when a request is full or its first message has waited for `linger`. Those with an
/// ordering key go one request at a time, in the order of the calls.
class Publisher {
 public:
  Publisher(Service& service, const PubSubConfig& config) : service_(service), config_(config) {}

  /// The io thread's. Throws Error for a message that cannot be sent, and when too much waits already.
  void invoke(const Request& request, Call&& call);
  /// Any thread.
  void cancel(std::uint64_t call_id);
  /// On the loop: every call that is out ends, later ones at once.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  struct Outlet;
  struct Pending {
    std::uint64_t id = 0;
    Call call;
    Outgoing message;
    std::uint64_t deadline_ns = 0;
    std::uint64_t may_go_until_ns = 0;  ///< the deadline of the request that it is in
    common::EventLoop::TimerId timer = 0;
    Outlet* outlet = nullptr;  ///< while it waits there, at `place`
    std::list<std::shared_ptr<Pending>>::iterator place;
    bool goes_alone = false, was_sent = false, is_over = false;
  };
  using PendingPtr = std::shared_ptr<Pending>;
  using Batch = std::vector<PendingPtr>;
  using Name = std::pair<std::string, std::string>;  ///< topic and ordering key

  /// What waits for one topic with one key.
  struct Outlet {
    Name name;
    std::list<PendingPtr> waiting;
    std::size_t requests = 0;
    Clock::time_point waiting_since;
    common::EventLoop::TimerId linger = 0;
    bool is_flushing = false;  ///< or in ready_
  };

  void begin(const PendingPtr& pending);
  void flush_soon(Outlet& outlet);
  void flush(const Name& name);
  void flush_ready();
  [[nodiscard]] bool is_due(const Outlet& outlet) const;
  [[nodiscard]] Batch next_batch(Outlet& outlet);
  void send(Outlet& outlet, Batch batch);
  void answered(const Name& name, const Batch& batch, const Service::Answer& answer);
  void take(const Batch& batch, const common::JsonValue& answer);
  void send_apart(Outlet& outlet, const Batch& batch);
  void forget_if_idle(const Name& name);
  void give_up(const PendingPtr& pending, cleat_status status, const std::string& why);
  void fail(const PendingPtr& pending, const google::Failure& failure);
  void finish(const PendingPtr& pending);

  Service& service_;
  const PubSubConfig& config_;
  std::map<Name, Outlet> outlets_;             ///< that have something waiting or on its way
  std::deque<Name> ready_;                     ///< those whose turn it is when a request has ended
  std::map<std::uint64_t, PendingPtr> calls_;  ///< all that are not over, by their id
  std::size_t requests_ = 0;
  bool is_ended_ = false;
  std::atomic<std::size_t> count_{0}, bytes_{0};
};

}  // namespace cleat::pubsub
