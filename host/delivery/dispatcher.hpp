#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "delivery/application.hpp"
#include "delivery/dead_letters.hpp"
#include "delivery/delivery_view.hpp"
#include "delivery/gate.hpp"
#include "delivery/lanes.hpp"
#include "delivery/queues.hpp"
#include "delivery/reply_outputs.hpp"
#include "delivery/returned.hpp"
#include "plugin/ports.hpp"
#include "policy/delivery_fields.hpp"
#include "policy/policy.hpp"

namespace cleat {

struct DispatcherOptions {
  std::string component;
  DeliveryFields fields;
  Verdicts verdicts;
  RetryPolicy retry;
  GateOptions gate;
  bool delayed_return = false;  ///< the source can give an event again later
  DeadLetterOptions dead_letter;
  std::uint32_t shard = 0;  ///< number of the home io thread
};

/// Decides what becomes of one component's events, on its home thread: which starts when, what an answer means, when the next
/// attempt is due, when it is given up and what then, how large the window is. An event is settled exactly once, and as done
/// only when the application said so, its dead letter is written, or a person or a configured policy decided it.
class Dispatcher final : public EventSink, public AnswerHandler, private DeadLettersOwner {
 public:
  /// Everything outlives it. `find` finds the target of dead letters and of outputs that an answer names.
  Dispatcher(DispatcherOptions options, Loop& home, Application& application, InputPort& port,
             OutputFinder find, Log& log, std::uint32_t random_seed);
  /// What is unsettled by now (a plugin that never ended its input) is freed without a settlement.
  ~Dispatcher() override;

  /// The window to begin with, and at any time. Home thread.
  [[nodiscard]] Window window() const { return window_; }

  // EventSink
  void on_events(std::vector<EventPtr> events) override;
  void on_withdraw(std::int32_t by, std::span<const std::uint64_t> ids) override;
  // AnswerHandler
  void on_answer(Event& event, const Answer& answer) override;
  void on_batch_answer(Batch& batch, const Answer& answer,
                       std::span<const std::optional<Verdict>> verdicts) override;

  /// No new attempt starts any more. What does not run is abandoned; `idle` runs once the last running attempt is settled and
  /// the last dead letter of one is written, perhaps at once. Later events are abandoned as they come. Home thread.
  void stop(Task idle);
  /// After stop() became idle: events may come again. Home thread.
  void resume();
  /// After stop(): cuts the attempts that still run. They are abandoned as "may still run". Home thread.
  void cut();
  /// Ends a stall (too many dead letters in a row). Home thread.
  void end_stall();

  // Home thread.
  /// Stable ids of what runs, at most `most`.
  [[nodiscard]] std::vector<std::string> running_ids(std::size_t most);
  [[nodiscard]] DeliveryView view();
  [[nodiscard]] HeldEvents held_events(std::size_t most);
  /// A person's word about one event that does not run, by its stable name or "#number".
  [[nodiscard]] Decided decide(std::string_view id, Decision decision);

 private:
  using Place = Event::Place;
  struct OutBatch : Batch {
    Gate::Attempt attempt;
  };

  [[nodiscard]] std::uint64_t order_of(const Event& event) const;
  [[nodiscard]] bool is_batching() const { return options_.fields.batch_max > 1; }

  // Starting.
  void make_ready(Event& event);
  /// Starts what may start. `now_ns`: an instant that was just read; 0: the clock is read if it is needed.
  void pump(std::uint64_t now_ns = 0);
  void pump_one_by_one(std::uint64_t now_ns);
  void pump_batches();
  void start_batch();
  void end_linger();
  bool add_to_batch(OutBatch& batch, Event& first, std::uint64_t now_ns);
  [[nodiscard]] bool batch_is_due();
  [[nodiscard]] bool is_batch_full();
  [[nodiscard]] bool may_begin(const Event& event, std::uint64_t now_ns) const;
  bool refuse(Event& event, std::uint64_t now_ns);
  void begin_attempt(Event& event, const Gate::Attempt& attempt);
  void wait_for_gate();
  void begin_trial(std::uint64_t now_ns);
  void watch_trial();
  [[nodiscard]] bool is_trial_sent();
  void on_due();
  void arm_retry();

  // Ending an attempt.
  [[nodiscard]] Judgement judge(const Answer& answer) const;
  void run_replies(const Answer& answer, const Event& event);
  void conclude(Event& event, const Judgement& judgement, const Answer& answer, std::uint64_t now_ns);
  void tell_gate(const Gate::Attempt& attempt, const Answer& answer, const Judgement& judgement,
                 std::uint64_t now_ns);
  void undo_attempt(Event& event);
  void take_failure(Event& event, const Answer& answer);
  void forgive(Event& event, const Answer& answer);
  void fail(Event& event, const Answer& answer);
  [[nodiscard]] bool are_attempts_used_up(const Event& event) const;
  [[nodiscard]] bool is_exhausted(const Event& event, const Answer& answer, std::uint64_t delay_ns) const;
  [[nodiscard]] bool may_go_back(const Event& event) const;
  void hold(Event& event, std::uint64_t delay_ns);
  void exhaust(Event& event);
  void give_up(Event& event);
  void block(Event& event, std::string why);
  void drop(Event& event, std::string_view who);
  void remember_failure(Event& event, const Answer& answer);
  void note_failure(const Event& event, std::string reason);
  void fail_in_batch(const std::vector<Event*>& failed, const Answer& answer, bool split,
                     std::uint64_t now_ns);
  std::vector<Event*> put_back_behind(std::vector<Event*>& events);
  void after_answers();

  // Ending an event.
  void acknowledge(Event& event, std::uint64_t now_ns);
  void settle(Event& event, std::int32_t verdict, std::uint32_t flags = 0,
              std::uint32_t requeue_after_ms = 0);
  void settle_and_leave(Event& event, std::int32_t verdict, std::uint32_t flags = 0,
                        std::uint32_t requeue_after_ms = 0);
  void leave_order(std::uint64_t order);
  void flush();

  // Taking back.
  [[nodiscard]] bool is_withdrawn(const Event& event) const {
    return event.withdrawn || lanes_.is_closed(event.lane);
  }
  [[nodiscard]] bool may_go_on(const Event& event) const { return !stopping_ && !is_withdrawn(event); }
  void abandon(Event& event, std::uint32_t flags = 0);
  void abandon_leaving();
  void close_lane(std::uint64_t lane);
  void give_back(const std::vector<Event*>& first, EventList& behind);
  void withdraw_event(Event& event);
  template <class Wanted>
  void take_unstarted(Wanted wanted, std::vector<Event*>& taken);
  template <class Wanted>
  void recall(Wanted wanted, std::vector<Event*>& taken);
  void check_idle();

  void fit_window();
  [[nodiscard]] Event* find_by_name(std::string_view id);
  void find_condition(DeliveryView& view);
  void retry_now(Event& event);

  // DeadLettersOwner
  [[nodiscard]] std::uint32_t attempts_of(const Event& event) const override;
  [[nodiscard]] bool may_wait(const Event& event) const override { return may_go_on(event); }
  void on_dead_letter_written(Event& event) override;
  void on_dead_letter_refused(Event& event) override;
  void on_dead_letters_changed() override;

  const DispatcherOptions options_;
  Loop& home_;
  Application& application_;
  InputPort& port_;
  Log& log_;
  std::minstd_rand random_;

  Lanes lanes_;
  Queues queues_;
  Gate gate_;
  DeadLetters dead_letters_;
  ReplyOutputs replies_;
  Returned returned_;
  std::list<OutBatch> batches_;

  Timer retry_timer_;
  Timer gate_timer_;
  Timer linger_timer_;
  bool linger_over_ = false;
  Timer trial_timer_;
  bool trial_was_sent_ = false;  ///< when trial_timer_ looked last

  bool lanes_seen_ = false;
  Window window_;
  bool stopping_ = false;
  bool cut_ = false;
  bool is_concluding_ = false;  ///< events of a batch that was answered are in no list
  Task idle_;
  std::vector<Settlement> settlements_;

  bool troubled_ = false;  ///< the log said so
  std::uint64_t last_success_ns_ = 0;
  DeliveryView counts_;  ///< the numbers that only grow, and the last error
};

}  // namespace cleat
