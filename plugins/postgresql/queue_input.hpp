#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/back_off.hpp"
#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "pg_config.hpp"
#include "pg_link.hpp"
#include "queue_settler.hpp"
#include "queue_sql.hpp"

namespace cleat::postgresql {

/// Reads a queue table. A row that is out is leased: nobody else takes it until `locked_until`, which is moved on at
/// each third of the lease, and only who has its token settles it. One connection, one statement after the other, and
/// never a transaction that waits for the application. All functions but the constructor run on the loop's thread.
class QueueInput {
 public:
  using Health = std::function<void(std::int32_t state, const std::string& why)>;

  QueueInput(Host host, common::EventLoop& loop, common::Resolver& resolver, const PgConfig& config,
             Health health);

  void open();
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  /// Gives back at once what was taken from the table and not delivered.
  void end();
  /// `done` is called when everything that was settled is in the table, or cannot be: with the number of rows of which
  /// that is not known.
  void when_settled(std::function<void(std::size_t unknown)> done);
  void close();

 private:
  using Clock = common::EventLoop::Clock;
  static constexpr std::size_t kMostRows = 512;  // in one claim
  /// A row that was claimed and is not delivered yet.
  struct Entry {
    Lease lease;
    std::string payload, lane, metadata;
    std::uint32_t attempts = 0;
    Clock::time_point until;
  };
  /// A row that the host has.
  struct Out {
    Lease lease;
    Clock::time_point until;
    bool is_lost = false;
  };

  void connect();
  void up();
  void down(const std::string& why);
  void tell(std::int32_t state, const std::string& why);

  /// Begins the statement that is the most needed, if none runs.
  void next();
  void settle_next();
  void refused(QueueSettler::Batch batch, const Finished& finished);
  [[nodiscard]] bool may_claim() const;
  void run(Statement statement, PgLink::OnRow row, PgLink::Done done);
  void listen();
  void release();
  void claim();
  void learn_rows_at_once(const Finished& finished, std::size_t asked, const std::vector<Entry>& entries);
  void renew();
  void look_for_due();
  void complain(const Finished& finished);

  void deliver_backlog();
  bool deliver(const Entry& entry);
  void give_back_backlog();
  void claim_by(Clock::time_point when);
  void plan_tick();
  void tick();
  void plan_renewal();
  void withdraw_expired();
  void withdraw_if(const std::function<bool(const Lease&, Clock::time_point until)>& is_gone);
  void check_settled();

  Host host_;
  common::EventLoop& loop_;
  common::Resolver& resolver_;
  const PgConfig& config_;
  const QueueSql sql_;
  Health health_;
  std::shared_ptr<PgLink> link_;
  QueueSettler settler_;
  bool closed_ = false, reading_ = false, is_running_ = false, is_claiming_ = false;
  bool wants_listen_ = false, wants_renewal_ = false, wants_claim_ = true, wants_due_ = false;
  bool has_settled_last_ = false, is_settling_put_off_ = false;
  std::size_t settling_ = 0, rows_at_once_ = kMostRows, settled_at_once_ = QueueSettler::kMostAtOnce;
  std::size_t failed_ = 0;        ///< attempts to connect since the last good one
  bool has_tried_again_ = false;  ///< to connect, since a stop began
  std::function<void(std::size_t)> settled_;
  Window window_;
  std::uint64_t last_event_ = 0, last_token_ = 0;
  std::string token_base_;
  std::string last_lane_;  ///< the next claim goes on after this one, so that each lane has its turn
  std::vector<std::string> lost_claims_;  ///< tokens with which rows may be leased that nobody knows of
  std::deque<Entry> backlog_;
  std::map<std::uint64_t, Out> out_;
  common::BackOff back_off_{std::chrono::milliseconds(100), std::chrono::seconds(3)};
  Clock::time_point tick_at_{}, poll_at_{}, told_at_{}, due_asked_at_{}, due_claimed_at_{};
  std::int32_t told_state_ = CLEAT_HEALTH_UNKNOWN;
  std::string told_why_;
  common::EventLoop::TimerId retry_timer_ = 0, tick_timer_ = 0, renew_timer_ = 0, expiry_timer_ = 0,
                             guard_timer_ = 0;
};

}  // namespace cleat::postgresql
