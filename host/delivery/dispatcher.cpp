#include "delivery/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/text.hpp"

namespace cleat {
namespace {

// A source without lanes need not be read far ahead of what can run; one with lanes must have each lane's next event here.
constexpr std::uint32_t kLaneWindow = 1'024;
constexpr std::uint32_t kPerLane = 128;
// The window follows the held events in steps, so that it does not change with every failure.
constexpr std::uint32_t kWindowStep = 64;
constexpr std::uint64_t kBaseBytes = 64ULL << 20;

DeadLettersOptions dead_letters_options(const DispatcherOptions& options) {
  DeadLettersOptions letters;
  letters.component = options.component;
  letters.burst = options.fields.dead_letter_burst;
  letters.envelope_only_when_too_large = options.fields.envelope_only_when_too_large;
  return letters;
}

ReplyOutputsOptions reply_options(const DispatcherOptions& options) {
  ReplyOutputsOptions replies;
  replies.component = options.component;
  replies.on = options.fields.reply_outputs;
  replies.allowed = options.fields.reply_outputs_allowed;
  return replies;
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options, Loop& home, Application& application, InputPort& port,
                       OutputFinder find, Log& log, std::uint32_t random_seed)
    : options_(std::move(options)),
      home_(home),
      application_(application),
      port_(port),
      log_(log),
      random_(random_seed),
      queues_(lanes_),
      gate_(options_.gate),
      dead_letters_(dead_letters_options(options_),
                    DeadLetterWriter(options_.dead_letter, options_.shard, find), queues_, home, *this, log,
                    random_),
      replies_(reply_options(options_), options_.shard, std::move(find), log),
      retry_timer_([this] { on_due(); }),
      gate_timer_([this] {
        pump();
        flush();
      }),
      linger_timer_([this] {
        linger_over_ = true;
        pump();
        flush();
      }),
      trial_timer_([this] { watch_trial(); }) {
  fit_window();
}

Dispatcher::~Dispatcher() = default;

std::uint64_t Dispatcher::order_of(const Event& event) const {
  switch (options_.fields.ordering) {
    case Ordering::none:
      return 0;
    case Ordering::partition:
      return event.lane;
    case Ordering::key:
      // Two keys of one hash wait for each other, which costs time and nothing else.
      return event.key().empty() ? 0 : std::max<std::uint64_t>(std::hash<std::string_view>{}(event.key()), 1);
    case Ordering::strict:
      return 1;
  }
  return 0;
}

std::uint32_t Dispatcher::attempts_of(const Event& event) const {
  return event.attempts + (event.delivery_count > 0 ? event.delivery_count - 1 : 0);
}

void Dispatcher::on_events(std::vector<EventPtr> events) {
  std::uint64_t now_wall_ns = 0;
  for (EventPtr& owned : events) {
    Event& event = *owned.release();  // the lists hold it until settle() takes it back
    if (const Returned::Made* const made = returned_.find(event.source_id())) {
      event.delivery_count = std::max(event.delivery_count, made->attempts + 1);
      event.alone = made->alone;
      if (event.first_seen_wall_ns == 0) event.first_seen_wall_ns = made->first_seen_wall_ns;
    }
    if (event.first_seen_wall_ns == 0) {
      if (now_wall_ns == 0) now_wall_ns = wall_now_ns();
      event.first_seen_wall_ns = now_wall_ns;
    }
    if (stopping_ || lanes_.is_closed(event.lane)) {
      const std::uint64_t lane = event.lane;
      settle(event, CLEAT_ABANDON);
      if (lane != 0) close_lane(lane);
      continue;
    }
    lanes_seen_ = lanes_seen_ || event.lane != 0;
    if (lanes_.enter(event, order_of(event))) make_ready(event);
  }
  pump();
  flush();
  fit_window();
}

void Dispatcher::make_ready(Event& event) {
  queues_.add(event, Place::ready);
}

void Dispatcher::pump(std::uint64_t now_ns) {
  if (stopping_ || dead_letters_.is_stalled()) return;
  if (is_batching()) {
    pump_batches();
  } else {
    pump_one_by_one(now_ns);
  }
}

void Dispatcher::pump_one_by_one(std::uint64_t now_ns) {
  EventList& ready = queues_.list(Place::ready);
  while (!ready.empty() && queues_.size(Place::running) < options_.fields.max_in_flight) {
    const std::uint64_t given = std::exchange(now_ns, 0);  // the POST before it took its time
    const std::uint64_t now = given != 0 ? given : home_.now_ns();
    if (!gate_.is_open(now)) return wait_for_gate();
    Event& event = ready.front();
    if (refuse(event, now)) continue;
    queues_.take(event);
    begin_attempt(event, gate_.begin(now));
    application_.post(event, *this);
    if (!gate_.is_reachable()) begin_trial(now);
  }
}

void Dispatcher::begin_attempt(Event& event, const Gate::Attempt& attempt) {
  ++event.attempts;
  ++counts_.attempts;
  event.started_ns = attempt.began_ns;
  event.breaker_period = attempt.period;
  queues_.add(event, Place::running);
}

// Not if its source has given it to somebody else by now, or its attempts were used up while it waited behind another of its
// batch.
bool Dispatcher::may_begin(const Event& event, std::uint64_t now_ns) const {
  return !event.is_expired(now_ns) && !(event.trouble && are_attempts_used_up(event));
}

bool Dispatcher::refuse(Event& event, std::uint64_t now_ns) {
  if (may_begin(event, now_ns)) return false;
  queues_.take(event);
  if (event.is_expired(now_ns)) {
    abandon(event);
  } else {
    exhaust(event);
  }
  return true;
}

void Dispatcher::wait_for_gate() {
  const std::uint64_t at = gate_.opens_at_ns(home_.now_ns());
  if (at != 0 && (!gate_timer_.armed() || gate_timer_.when_ns() != at)) home_.arm(gate_timer_, at);
}

void Dispatcher::begin_trial(std::uint64_t now_ns) {
  trial_was_sent_ = false;
  home_.arm(trial_timer_, now_ns + options_.gate.patience_ns);
}

// One slow handler must not hold up all others for as long as it runs, only because it happens to be the first after an outage.
void Dispatcher::watch_trial() {
  if (gate_.trial_began_ns() == 0 || stopping_) return;
  const bool was_sent = std::exchange(trial_was_sent_, is_trial_sent());
  if (was_sent && trial_was_sent_) {
    gate_.trust_trial();
    return after_answers();
  }
  home_.arm(trial_timer_, home_.now_ns() + options_.gate.patience_ns);
}

bool Dispatcher::is_trial_sent() {
  const std::uint64_t began = gate_.trial_began_ns();
  if (is_batching()) {
    return std::any_of(batches_.begin(), batches_.end(), [&](OutBatch& batch) {
      return batch.attempt.began_ns == began && application_.is_sent(batch);
    });
  }
  EventList& running = queues_.list(Place::running);
  return std::any_of(running.begin(), running.end(),
                     [&](Event& event) { return event.started_ns == began && application_.is_sent(event); });
}

void Dispatcher::on_answer(Event& event, const Answer& answer) {
  const Judgement judgement = judge(answer);
  const std::uint64_t now = home_.now_ns();
  queues_.take(event);
  tell_gate({event.started_ns, event.breaker_period}, answer, judgement, now);
  if (judgement.verdict == Verdict::ack) run_replies(answer, event);
  conclude(event, judgement, answer, now);
  after_answers();
}

// Once for an answer, however many events it is about.
void Dispatcher::run_replies(const Answer& answer, const Event& event) {
  if (replies_.on() && answer.is_success()) replies_.run(answer.body, event.source_id());
}

Judgement Dispatcher::judge(const Answer& answer) const {
  // Only a date in Retry-After needs the clock.
  const std::uint64_t wall = answer.retry_after.empty() ? 0 : wall_now_ns();
  return options_.verdicts.judge(answer, dead_letters_.has_target(), wall);
}

void Dispatcher::tell_gate(const Gate::Attempt& attempt, const Answer& answer, const Judgement& judgement,
                           std::uint64_t now_ns) {
  switch (answer.outcome) {
    case Outcome::unreachable:
      return gate_.unreachable(attempt, now_ns, random_);
    case Outcome::cancelled:
    case Outcome::expired:
      return gate_.forget(attempt, now_ns);
    default:
      return gate_.answered(attempt, judgement, answer.is_success(), now_ns, random_);
  }
}

void Dispatcher::after_answers() {
  if (queues_.size(Place::leaving) > 0) dead_letters_.pump();
  if (stopping_) abandon_leaving();
  if (trial_timer_.armed() && gate_.trial_began_ns() == 0) trial_timer_.disarm();
  pump();
  flush();
  fit_window();
  check_idle();
}

void Dispatcher::on_due() {
  const std::uint64_t now = home_.now_ns();
  while (Event* event = queues_.pop_due(now)) {
    if (event->place == Place::held) queues_.move(*event, Place::ready);
  }
  arm_retry();
  after_answers();
}

void Dispatcher::arm_retry() {
  const std::uint64_t soonest = queues_.next_due_ns();
  if (soonest != 0 && (!retry_timer_.armed() || retry_timer_.when_ns() > soonest))
    home_.arm(retry_timer_, soonest);
}

void Dispatcher::leave_order(std::uint64_t order) {
  if (Event* next = lanes_.leave(order)) make_ready(*next);
}

void Dispatcher::settle(Event& event, std::int32_t verdict, std::uint32_t flags,
                        std::uint32_t requeue_after_ms) {
  if (verdict == CLEAT_ABANDON) ++counts_.abandoned;
  if (verdict == CLEAT_ACK || verdict == CLEAT_REJECT) returned_.forget(event.source_id());
  settlements_.push_back({EventPtr(&event), verdict, flags, requeue_after_ms});
}

void Dispatcher::settle_and_leave(Event& event, std::int32_t verdict, std::uint32_t flags,
                                  std::uint32_t requeue_after_ms) {
  const std::uint64_t order = order_of(event);
  settle(event, verdict, flags, requeue_after_ms);
  leave_order(order);
}

void Dispatcher::flush() {
  if (settlements_.empty()) return;
  std::vector<Settlement> out;
  out.swap(settlements_);
  port_.settle(out);
  out.clear();
  if (settlements_.empty()) settlements_.swap(out);  // keep the capacity
}

void Dispatcher::on_dead_letter_written(Event& event) {
  ++counts_.dead_lettered;
  const bool to_broker = dead_letters_.writer().to() == DeadLetterOptions::To::broker;
  log_.info(to_broker ? "an event was given to its source's own dead letters" : "a dead letter was written",
            {{"component", options_.component},
             {"event", name_of(event)},
             {"to", to_broker ? std::string_view("broker") : dead_letters_.writer().target()},
             {"reason", event.trouble->reason}});
  settle_and_leave(event, to_broker ? CLEAT_REJECT : CLEAT_ACK);
  if (dead_letters_.is_stalled()) {
    log_.error(
        fmt::format(
            "the component is stalled: {} dead letters in a row without an acknowledged event between them; "
            "mend the application or the deadLetter rules, then resume it",
            options_.fields.dead_letter_burst),
        {{"component", options_.component}});
  }
}

void Dispatcher::on_dead_letter_refused(Event& event) {
  if (!may_go_on(event)) return abandon(event);
  block(event, std::string(event.trouble->obstacle));
}

void Dispatcher::on_dead_letters_changed() {
  arm_retry();
  after_answers();
}

// Poison does not fill the window: what is held raises it, up to the bounds. A held event of a lane holds up what waits
// behind it, at most a full lane.
void Dispatcher::fit_window() {
  const DeliveryFields& fields = options_.fields;
  const std::uint32_t batches = is_batching() ? 4 * fields.batch_max : 0;
  const std::uint32_t base =
      (lanes_seen_ ? std::max(kLaneWindow, 2 * fields.max_in_flight) : 2 * fields.max_in_flight) + batches;
  const std::uint32_t per_lane = std::max(kPerLane, 2 * fields.batch_max);
  const std::uint64_t blocked = queues_.held() * std::uint64_t{lanes_seen_ ? per_lane : 1};
  const auto held = static_cast<std::uint32_t>(std::min<std::uint64_t>(blocked, fields.max_held));
  Window fitting;
  fitting.max_events = base + (held + kWindowStep - 1) / kWindowStep * kWindowStep;
  fitting.max_bytes = kBaseBytes + (queues_.held() == 0 ? 0 : fields.max_held_bytes);
  fitting.max_per_lane = per_lane;
  if (fitting == window_ || stopping_) return;
  const bool is_first = window_.max_events == 0;
  window_ = fitting;
  if (!is_first) port_.set_window(window_);
}

}  // namespace cleat
