#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/event_loop.hpp"
#include "redis_config.hpp"
#include "server.hpp"

namespace cleat::redis {

/// Reads one stream as a consumer of a group. What is out stays in the group's list of pending entries until
/// it is settled: acknowledged by XACK, given back by setting its idle time so that it is claimed when it is
/// due. The lease of an entry is that idle time, which is set to nothing at each third of `minIdle`.
///
/// All functions but the constructor run on the loop's thread.
class StreamInput {
 public:
  StreamInput(Host host, common::EventLoop& loop, const RedisConfig& config);

  /// `commands` answers at once, `reader` is used for the read that waits, and for nothing else.
  void carry_by(std::shared_ptr<Carrier> commands, std::shared_ptr<Carrier> reader);
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  void end();
  /// `done` is called when no command is out any more that settles something.
  void when_settled(std::function<void()> done);
  /// A connection is there again.
  void came_up();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { closed, preparing, own_pending, live };

  struct Entry {
    std::string id;
    std::vector<std::pair<std::string, std::string>> fields;
    std::uint32_t delivery_count = 1;
    Clock::time_point read_at;
  };
  struct Out {
    std::string id;
    Clock::time_point lease_until;
    bool is_lost = false;  ///< withdrawn: another consumer may have it
  };

  void prepare();
  void pump();
  void read_own_pending();
  void read_live();
  void read_done(const Reply& reply, bool is_live);
  void read_failed(const Trouble& trouble);
  void take_entries(const Reply& entries, bool count_deliveries);
  void count_deliveries(std::vector<Entry> entries);
  void deliver_backlog();
  bool deliver(const Entry& entry);
  void lost_entry(const std::string& id);
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] bool is_known(const std::string& id) const;
  void look_alive();

  void begin_timers();
  void renew();
  void renewed(const std::vector<std::uint64_t>& ids, Clock::time_point sent_at, const Reply& reply);
  void withdraw_lost();
  void claim();
  void claimed(const Reply& reply);
  void claim_at(Clock::time_point when);

  void acknowledge(std::vector<std::string> ids);
  void give_back(const std::string& id, std::chrono::milliseconds after);
  void send_acks();

  void command(std::vector<std::string_view> words, std::function<void(const Reply&)> done,
               std::function<void(const Trouble&)> failed = {}, bool settles = false);
  void complain(const std::string& what, std::string_view error);

  Host host_;
  common::EventLoop& loop_;
  const RedisConfig& config_;
  std::shared_ptr<Carrier> commands_, reader_;
  Phase phase_ = Phase::closed;
  bool reading_ = false, read_is_out_ = false, claim_is_out_ = false;
  std::string own_cursor_ = "0", claim_cursor_ = "0-0";
  Window window_;
  std::uint64_t last_event_ = 0, lost_ = 0;
  std::deque<Entry> backlog_;
  std::map<std::uint64_t, Out> out_;
  std::set<std::string, std::less<>> known_;  ///< ids in backlog_ and out_
  std::vector<std::string> acks_;             ///< not yet confirmed by the server
  bool ack_is_out_ = false;
  std::uint32_t settling_ = 0;
  std::function<void()> settled_;
  common::EventLoop::TimerId renew_timer_ = 0, claim_timer_ = 0, alive_timer_ = 0;
  Clock::time_point claim_due_;
  std::string last_complaint_;
};

}  // namespace cleat::redis
