#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/back_off.hpp"
#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "pg_config.hpp"
#include "pg_link.hpp"

namespace cleat::postgresql {

/// Calls over a bounded number of connections, which are made when they are needed and kept. A call that has no
/// connection free waits for one, up to its deadline. All functions run on the loop's thread unless said otherwise.
class Pool {
 public:
  /// Called with nothing when there is a connection, with the reason when there is none any more.
  using Health = std::function<void(const std::string* why_down)>;

  struct Job {
    Statement statement;
    std::uint64_t deadline_ns = 0;
    PgLink::OnRow row;
    /// Once. `trouble`: there was no connection, or no time.
    std::function<void(const Finished& finished, const Error* trouble)> done;
    common::EventLoop::TimerId timer = 0;
    std::shared_ptr<PgLink> link;
    bool is_over = false;
  };
  using JobPtr = std::shared_ptr<Job>;

  Pool(common::EventLoop& loop, common::Resolver& resolver, const PgConfig& config, Health health)
      : loop_(loop), resolver_(resolver), config_(config), health_(std::move(health)) {}

  /// Makes the first connection, so that it is known whether there can be one.
  void open();
  void run(const JobPtr& job);
  /// Ends a statement with its connection, which is in no state to be used again.
  void abandon(const JobPtr& job, const Error& why);
  void close();

 private:
  struct Slot {
    std::shared_ptr<PgLink> link;
    common::EventLoop::Clock::time_point idle_since{};
  };

  void pump();
  void start(const JobPtr& job, const std::shared_ptr<PgLink>& link);
  void put_back(const std::shared_ptr<PgLink>& link, const Finished& finished);
  void drop(const std::shared_ptr<PgLink>& link);
  void grow();
  void went_down(const PgLink* link, const std::string& why);
  void finish(const JobPtr& job, const Finished& finished, const Error* trouble);
  void drop_idle();

  common::EventLoop& loop_;
  common::Resolver& resolver_;
  const PgConfig& config_;
  Health health_;
  std::vector<Slot> slots_;
  std::deque<JobPtr> waiting_;
  std::size_t connecting_ = 0,
              failed_ = 0;  ///< attempts: that are made, and that came to nothing since the last good one
  std::string why_down_;    ///< the last attempt failed
  bool closed_ = false;
  common::BackOff back_off_{std::chrono::milliseconds(100), std::chrono::seconds(3)};
  common::EventLoop::TimerId retry_timer_ = 0, idle_timer_ = 0;
};

}  // namespace cleat::postgresql
