#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "delivery/application.hpp"
#include "delivery/backoff.hpp"
#include "delivery/lanes.hpp"
#include "plugin/ports.hpp"

namespace cleat {

struct DispatcherOptions {
  std::string component;
  std::uint32_t max_in_flight = 64;  ///< POSTs out at a time
  std::uint32_t max_held = 1'000;    ///< failed events by which the window is raised at most
  std::uint64_t max_bytes = 64ULL << 20;
  Backoff retry{};
  /// While the application cannot be reached, one attempt at a time asks for it, soon enough that a restart is hardly felt.
  Backoff unreachable{100 * kMillisecond, 3 * kSecond};
};

/// What can be seen of a dispatcher from any thread.
struct DispatcherView {
  std::uint32_t in_flight = 0, held = 0;
  std::uint64_t delivered = 0, acked = 0, failed_attempts = 0, abandoned = 0;
  std::string trouble;         ///< why not everything is well; empty: it is
  std::string troubled_event;  ///< stable id of the event that failed last and is not done
};

/// Decides what becomes of one component's events, on its home thread: which starts when, what an answer means, when the next
/// attempt is due, how large the window is. A 2xx acks; everything else is held and attempted again, in its lane, for ever. An
/// event is settled exactly once, and never as done unless the application said so.
class Dispatcher final : public EventSink, public AnswerHandler {
 public:
  Dispatcher(DispatcherOptions options, Loop& home, Application& application, InputPort& port, Log& log,
             std::uint32_t random_seed);
  /// What is unsettled by now (a plugin that never ended its input) is freed without a settlement.
  ~Dispatcher() override;

  /// The window to begin with.
  [[nodiscard]] Window window() const { return window_; }

  // EventSink
  void on_events(std::vector<EventPtr> events) override;
  void on_withdraw(std::int32_t by, std::span<const std::uint64_t> ids) override;
  // AnswerHandler
  void on_answer(Event& event, const Answer& answer) override;

  /// No new attempt starts any more. What does not run is abandoned; `idle` runs once the last running attempt is settled,
  /// perhaps at once. Later events are abandoned as they come. Home thread.
  void stop(Task idle);
  /// After stop(): cuts the attempts that still run. They are abandoned as "may still run". Home thread.
  void cut();

  /// Stable ids of what runs, at most `most`. Home thread.
  [[nodiscard]] std::vector<std::string> running_ids(std::size_t most) const;
  /// Any thread.
  [[nodiscard]] DispatcherView view() const;

 private:
  void make_ready(Event& event);
  void pump();
  void start(Event& event);
  void hold(Event& event, const Answer& answer);
  void retry_due();
  void arm_retry();
  void application_unreachable();
  void application_reached();
  void leave_lane(std::uint64_t lane);
  void settle(Event& event, std::int32_t verdict, std::uint32_t flags = 0);
  void abandon(EventList& unstarted);
  void close_lane(std::uint64_t lane);
  template <class Wanted>
  void recall_if(Wanted wanted, EventList& unstarted);
  bool recall(Event& event);
  void withdraw_event(std::uint64_t id);
  void take_unstarted(Event& event);
  Event* find_idle(std::uint64_t id);
  void flush();
  void fit_window();
  void note_trouble(const Event& event, const Answer& answer);
  void note_success(const Event& event);
  void check_idle();

  const DispatcherOptions options_;
  Loop& home_;
  Application& application_;
  InputPort& port_;
  Log& log_;
  std::minstd_rand random_;

  Lanes lanes_;
  EventList ready_;    ///< may start as soon as there is room
  EventList running_;  ///< a POST is out
  EventList held_;     ///< failed, waiting in due_ for the next attempt
  DueSet due_;
  Timer retry_timer_;

  bool reachable_ = true;
  std::uint32_t unreachable_in_a_row_ = 0;
  Timer trial_timer_;
  bool trial_running_ = false;

  bool lanes_seen_ = false;
  Window window_;
  bool stopping_ = false;
  Task idle_;
  std::vector<Settlement> settlements_;
  bool troubled_ = false;

  std::atomic<std::uint32_t> in_flight_{0}, held_count_{0};
  std::atomic<std::uint64_t> delivered_{0}, acked_{0}, failed_attempts_{0}, abandoned_{0};
  mutable std::mutex trouble_mutex_;
  std::string trouble_, troubled_event_;
};

}  // namespace cleat
