#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "schedule.hpp"

namespace cleat::cron {

/// The input binding "bindings.cron". It has no thread: a task posted to the host looks at the wall clock
/// when the next tick is due, and at least every 30 s, so that a clock that is set does not leave it asleep.
///
/// A tick that is unanswered when the next is due is withdrawn, and what the application then still works on
/// overlaps the next one, or keeps it back, as `overlap` says. What could not be sent in time is missed for good, or
/// made up for by one tick, as `missed` says.
class CronBinding {
 public:
  using WallClock = std::function<Instant()>;

  explicit CronBinding(Host host)
      : CronBinding(host, [] { return Instant(std::chrono::system_clock::now()); }) {}
  CronBinding(Host host, WallClock wall) : host_(host), wall_(std::move(wall)) {}

  void init(const Config& config);
  void start(Deadline deadline);
  void begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(Settlements settlements);
  void end_input(Deadline deadline);

 private:
  struct Tick {
    Instant due{};
    bool is_withdrawn = false;
  };

  void arm();
  void wake();
  void tick_due(Instant now);
  void withdraw_unsettled();
  [[nodiscard]] bool may_deliver() const;
  void make_up(const std::string& reason);
  void deliver_tick();
  void count_missed(const std::string& reason);
  void count_answered();

  const Host host_;
  const WallClock wall_;
  std::string text_;
  std::optional<Schedule> schedule_;

  std::mutex mutex_;  ///< [control] functions against the home thread's
  bool reading_ = false;
  Instant next_{}, last_look_{};
  std::uint64_t armed_ns_ = 0;  ///< when the earliest posted task runs; 0: none is posted
  bool overlaps_ = false, makes_up_ = false;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Tick> unsettled_;  ///< one at most, unless ticks may overlap
  std::optional<Instant> waiting_;           ///< a tick that is due and cannot be delivered yet
  std::uint64_t due_at_ns_ = 0;              ///< when the latest tick was due, on the host's clock
  std::uint64_t missed_in_a_row_ = 0;
};

}  // namespace cleat::cron
