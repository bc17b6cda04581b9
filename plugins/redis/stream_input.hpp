#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/event_loop.hpp"
#include "redis_config.hpp"
#include "server.hpp"
#include "stream_entry.hpp"

namespace cleat::redis {

/// Reads one stream as a consumer of a group. What is out stays in the group's list of pending entries until
/// it is settled: acknowledged by XACK, given back by setting its idle time so that it is claimed when it is
/// due. The lease of an entry is that idle time, which is set to nothing at each third of `minIdle`, and by each new
/// connection. It outlives a connection: nothing is withdrawn because one broke.
///
/// All functions but the constructor run on the loop's thread.
class StreamInput {
 public:
  /// `tell` is told how reading goes, also without news: each time is a sign of life.
  StreamInput(Host host, common::EventLoop& loop, const RedisConfig& config, Watcher tell);

  /// `commands` answers at once, `reader` is used for the read that waits, and for nothing that could wait behind it.
  void carry_by(std::shared_ptr<Carrier> commands, std::shared_ptr<Carrier> reader);
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  /// Nothing is delivered from here on. `done` is called when no read is out any more that could bring entries, or when
  /// that took too long.
  void end(std::function<void()> done);
  /// `done` is called when the server has confirmed all that was settled.
  void when_settled(std::function<void()> done);
  /// It will not: who waits for that is told now.
  void give_up();
  /// Says what of it was not confirmed.
  void close();
  /// A connection is there again.
  void came_up();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { closed, preparing, own_pending, live };

  struct Out {
    std::string id;
    Clock::time_point lease_until;
    bool is_lost = false;  ///< withdrawn: another consumer may have it
  };
  using Ids = std::vector<std::string>;

  void prepare();
  [[nodiscard]] std::string beginning() const;
  void learn_start();
  void prepare_later(const std::string& why);
  void pump();
  void read();
  void read_done(const Reply& reply, bool is_live, Clock::time_point sent_at);
  void read_failed();
  void read_own_pending_next();
  void take_entries(const Reply& entries, Carrier* count_by, Clock::time_point sent_at);
  void count_deliveries(std::vector<StreamEntry> entries, Carrier& by);
  void hand_back_backlog();
  void finish_end(bool at_once);
  void deliver_backlog();
  bool deliver(const StreamEntry& entry);
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] std::size_t how_many() const;
  [[nodiscard]] std::chrono::milliseconds longest_wait() const;
  void look_alive();

  void begin_timers();
  void renew();
  void renew_these(const Ids& entries, std::vector<std::uint64_t> events);
  void drop_lost();
  void lease_ends_at(Clock::time_point when);
  void claim();
  void claimed(const Reply& reply, Clock::time_point sent_at);
  void claim_at(Clock::time_point when);

  void acknowledge(Ids ids);
  void send_acks();
  void acks_answered(const Reply& reply, std::size_t count);
  void give_back(Ids ids, std::chrono::milliseconds after);
  void given_back(const Ids& ids, const Reply& reply);
  void count_lost(const Ids& ids);
  void look_if_settled();

  /// `settles`: the plugin's stop waits for its answer.
  void command(const std::vector<std::string_view>& words, std::function<void(const Reply&)> done,
               std::function<void()> failed = {}, bool settles = false);
  void complain(const std::string& what, std::string_view error);

  Host host_;
  common::EventLoop& loop_;
  const RedisConfig& config_;
  Watcher tell_;
  std::shared_ptr<Carrier> commands_, reader_;
  Phase phase_ = Phase::closed;
  bool reading_ = false, read_is_out_ = false, claim_is_out_ = false;
  std::string own_cursor_ = "0", last_live_id_, claim_cursor_ = "0-0";
  std::string start_id_;  ///< where the group stood before the first read, with `newest`
  Window window_;
  std::uint64_t last_event_ = 0, lost_ = 0;
  std::size_t counting_ = 0, average_bytes_;
  std::deque<StreamEntry> backlog_;
  std::map<std::uint64_t, Out> out_;
  std::set<std::string, std::less<>> known_;        ///< ids in backlog_, out_, acks_ and being counted
  std::set<std::string, std::less<>> giving_back_;  ///< the server has not taken them back
  Ids acks_;                                        ///< not yet confirmed by the server
  bool ack_is_out_ = false;
  std::uint32_t settling_ = 0;
  std::function<void()> settled_, ended_;
  common::EventLoop::TimerId renew_timer_ = 0, claim_timer_ = 0, alive_timer_ = 0, prepare_timer_ = 0,
                             ack_timer_ = 0, lease_timer_ = 0;
  Clock::time_point claim_due_, lease_due_;
  std::string last_complaint_;
};

}  // namespace cleat::redis
