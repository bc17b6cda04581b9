#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/event_loop.hpp"
#include "pg_config.hpp"
#include "pg_link.hpp"
#include "queue_sql.hpp"

namespace cleat::postgresql {

/// Reads a queue table. A row that is out is leased: nobody else takes it until `locked_until`, which is moved on at
/// each third of the lease, and only who has its token settles it. One connection, one statement after the other, and
/// never a transaction that waits for the application. All functions but the constructor run on the loop's thread.
class QueueInput {
 public:
  using Health = std::function<void(std::int32_t state, const std::string& why)>;

  QueueInput(Host host, common::EventLoop& loop, const PgConfig& config, Health health);

  void open();
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  void end() { reading_ = false; }
  /// `done` is called when everything that was settled is in the table, or cannot be.
  void when_settled(std::function<void()> done);
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::string id, token, payload, lane, metadata;
    std::uint32_t attempts = 0;
    Clock::time_point lease_until;
  };
  struct Out {
    std::string id, token;
    Clock::time_point lease_until;
    bool is_lost = false;
  };
  struct Step {
    Statement statement;
    PgLink::OnRow row;
    PgLink::Done done;
    bool settles = false;
  };

  void connect();
  void up();
  void down(const std::string& why);
  void add(Step step);
  void next();
  void pump();
  void claim();
  void claimed(const Row& row, const std::string& token);
  void deliver_backlog();
  bool deliver(const Entry& entry);
  void renew();
  void withdraw_lost();
  void wake_at(std::chrono::milliseconds after);
  void look_for_due();
  void finish_ids(const std::string& sql, const std::vector<std::pair<std::string, std::string>>& rows);
  void finish_one(const std::string& sql, const Out& out, std::optional<std::int64_t> delay_ms);
  void check_settled();

  Host host_;
  common::EventLoop& loop_;
  const PgConfig& config_;
  const QueueSql sql_;
  Health health_;
  std::shared_ptr<PgLink> link_;
  bool closed_ = false, reading_ = false, is_claiming_ = false, wants_claim_ = true, has_work_ = false;
  std::deque<Step> steps_;
  std::size_t settling_ = 0;
  std::function<void()> settled_;
  Window window_;
  std::uint64_t last_event_ = 0, last_token_ = 0;
  std::string token_base_;
  std::deque<Entry> backlog_;
  std::map<std::uint64_t, Out> out_;
  std::chrono::milliseconds back_off_{0};
  std::minstd_rand random_{std::random_device{}()};
  common::EventLoop::TimerId retry_timer_ = 0, poll_timer_ = 0, renew_timer_ = 0;
};

}  // namespace cleat::postgresql
