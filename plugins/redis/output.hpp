#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

#include "common/event_loop.hpp"
#include "server.hpp"

namespace cleat::redis {

/// The calls of the application: each one command, answered by its deadline at the latest.
class Output {
 public:
  Output(Host host, common::EventLoop& loop) : host_(host), loop_(loop) {}

  /// The io thread's. Encodes there, and leaves the rest to the loop.
  void invoke(const Request& request, Call&& call);

  /// On the loop: where commands go. Calls that came before have waited for it.
  void carry_by(std::shared_ptr<Carrier> carrier) { carrier_ = std::move(carrier); }
  /// On the loop: every call that is out ends.
  void end();

 private:
  struct Pending {
    Call call;
    bool repeatable = true;
    bool answers_with_data = false;
    std::uint64_t deadline_ns = 0;
    CommandPtr command;
    bool is_over = false;
  };
  using PendingPtr = std::shared_ptr<Pending>;

  void begin(const PendingPtr& pending);
  void finish(const PendingPtr& pending, const Reply& reply);
  void fail(const PendingPtr& pending, const Trouble& trouble);
  void forget(const PendingPtr& pending);
  void take_room(std::size_t bytes);
  void give_room_back(std::size_t bytes);
  void keep_deadlines();

  Host host_;
  common::EventLoop& loop_;
  std::shared_ptr<Carrier> carrier_;
  std::multimap<std::uint64_t, PendingPtr> by_deadline_;
  common::EventLoop::TimerId timer_ = 0;
  std::uint64_t timer_ns_ = 0;
  std::atomic<std::uint64_t> calls_{0}, bytes_{0};  ///< out, and what their commands take
  bool ended_ = false;
};

}  // namespace cleat::redis
