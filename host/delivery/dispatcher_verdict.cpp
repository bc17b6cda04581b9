#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "delivery/dispatcher.hpp"

// What one answer makes of one event.

namespace cleat {

// The event is in no list.
void Dispatcher::conclude(Event& event, const Judgement& judgement, const Answer& answer,
                          std::uint64_t now_ns) {
  if (answer.outcome == Outcome::cancelled) return abandon(event, CLEAT_MAY_STILL_RUN);
  if (answer.outcome == Outcome::expired || answer.outcome == Outcome::unreachable) {
    undo_attempt(event);
    if (event.is_expired(now_ns) || !may_go_on(event)) return abandon(event);
    if (answer.outcome == Outcome::unreachable) note_failure(event, describe(answer));
    return make_ready(
        event);  // behind the others: if this one ends the application, they are to be tried as well
  }
  switch (judgement.verdict) {
    case Verdict::ack:
      return acknowledge(event, now_ns);
    case Verdict::drop:
      remember_failure(event, answer);
      return drop(event, "the application");
    case Verdict::dead_letter:
      if (is_withdrawn(event)) return abandon(event);
      remember_failure(event, answer);
      return give_up(event);
    case Verdict::retry:
      if (!may_go_on(event)) return abandon(event);
      return fail(event, answer);
  }
}

void Dispatcher::undo_attempt(Event& event) {
  --event.attempts;  // the application never saw it
  --counts_.attempts;
}

void Dispatcher::acknowledge(Event& event, std::uint64_t now_ns) {
  ++counts_.acked;
  last_success_ns_ = now_ns;
  dead_letters_.on_acked();
  if (troubled_ && queues_.held() == 0) {
    troubled_ = false;
    log_.info("the application takes events again",
              {{"component", options_.component}, {"event", name_of(event)}});
  }
  const std::uint64_t order = order_of(event);
  leave_order(order);
  pump(now_ns);  // the next event is on its way before the plugin hears of this one
  settle(event, CLEAT_ACK);
}

void Dispatcher::remember_failure(Event& event, const Answer& answer) {
  const std::uint64_t wall = wall_now_ns();
  if (!event.trouble) {
    event.trouble = std::make_unique<EventTrouble>(event);
    event.trouble->first_attempt_ns = event.started_ns;
    const std::uint64_t took = home_.now_ns() - event.started_ns;
    event.trouble->first_attempt_wall_ns = wall - std::min(took, wall);
    if (const Returned::Made* const made = returned_.find(event.source_id())) {
      event.trouble->first_attempt_ns = made->first_attempt_ns;
      event.trouble->first_attempt_wall_ns = made->first_attempt_wall_ns;
    }
  }
  event.trouble->last_attempt_wall_ns = wall;
  event.trouble->status = answer.outcome == Outcome::answered ? answer.status : 0;
  event.trouble->reason = describe(answer);
}

// The log says once when things go wrong and once when they are well again, not once per attempt.
void Dispatcher::note_failure(const Event& event, std::string reason) {
  ++counts_.failed_attempts;
  if (!troubled_) {
    log_.warn("an event was not taken by the application: it is held and tried again",
              {{"component", options_.component}, {"event", name_of(event)}, {"reason", reason}});
  }
  troubled_ = true;
  counts_.last_error = std::move(reason);
  counts_.last_error_wall_ns = wall_now_ns();
}

void Dispatcher::take_failure(Event& event, const Answer& answer) {
  remember_failure(event, answer);
  note_failure(event, event.trouble->reason);
}

// One answer about many events is no verdict about this one, so neither is it an attempt that its limits count.
void Dispatcher::forgive(Event& event, const Answer& answer) {
  take_failure(event, answer);
  ++event.trouble->forgiven;
}

void Dispatcher::fail(Event& event, const Answer& answer) {
  take_failure(event, answer);
  const std::uint64_t delay = options_.retry.wait.delay_ns(attempts_of(event), random_);
  if (is_exhausted(event, answer, delay)) {
    exhaust(event);
  } else {
    hold(event, delay);
  }
}

bool Dispatcher::are_attempts_used_up(const Event& event) const {
  const std::uint32_t most = options_.retry.max_attempts;
  return most > 0 && attempts_of(event) - event.trouble->forgiven >= most;
}

bool Dispatcher::is_exhausted(const Event& event, const Answer& answer, std::uint64_t delay_ns) const {
  const RetryPolicy& retry = options_.retry;
  const std::uint64_t first_ns = event.trouble->first_attempt_ns;
  if (are_attempts_used_up(event)) return true;
  if (retry.max_elapsed_ns > 0 && home_.now_ns() + delay_ns > first_ns + retry.max_elapsed_ns) return true;
  // A success that is no ack is one because the application or the operator asks for another attempt in so many words.
  return retry.http_codes && answer.outcome == Outcome::answered && !answer.is_success() &&
         !retry.http_codes->contains(answer.status);
}

// Only where much is held already, and to a source that can wait for us. Closing its lane keeps the order of a lane; nothing
// would keep that of a key or of the whole component.
bool Dispatcher::may_go_back(const Event& event) const {
  return options_.delayed_return && queues_.held() >= options_.fields.max_held / 2 &&
         (options_.fields.ordering == Ordering::partition || order_of(event) == 0);
}

// The event keeps its place in its order, unless it goes back to its source.
void Dispatcher::hold(Event& event, std::uint64_t delay_ns) {
  if (may_go_back(event)) {
    ++counts_.handed_back;
    returned_.remember(event.source_id(),
                       {attempts_of(event) - event.trouble->forgiven, event.first_seen_wall_ns,
                        event.trouble->first_attempt_ns, event.trouble->first_attempt_wall_ns, event.alone});
    const std::uint64_t lane = event.lane;
    constexpr std::uint64_t kMostMs = std::numeric_limits<std::uint32_t>::max();
    const auto after_ms = static_cast<std::uint32_t>(std::min(delay_ns / kMillisecond, kMostMs));
    settle_and_leave(event, CLEAT_REQUEUE, 0, after_ms);
    if (lane != 0) close_lane(lane);
    return;
  }
  queues_.add(event, Place::held);
  queues_.wait_until(event, home_.now_ns() + delay_ns);
  arm_retry();
}

void Dispatcher::exhaust(Event& event) {
  switch (options_.fields.on_exhausted) {
    case OnExhausted::drop:
      return drop(event, "onExhausted");
    case OnExhausted::dead_letter:
      return give_up(event);
    case OnExhausted::block:
      return block(event, fmt::format("its attempts are used up ({} made, {})", attempts_of(event),
                                      event.trouble->reason));
  }
}

void Dispatcher::give_up(Event& event) {
  if (dead_letters_.has_target()) return dead_letters_.add(event);
  block(event, fmt::format("it is to be a dead letter, but the component has no deadLetter ({})",
                           event.trouble->reason));
}

void Dispatcher::block(Event& event, std::string why) {
  if (queues_.size(Place::blocked) == 0) {
    log_.warn("an event is blocked: a person has to decide about it (retry, dead-letter or drop)",
              {{"component", options_.component}, {"event", name_of(event)}, {"reason", why}});
  }
  event.trouble->obstacle = std::move(why);
  queues_.add(event, Place::blocked);
}

void Dispatcher::drop(Event& event, std::string_view who) {
  ++counts_.dropped;
  log_.warn("an event was dropped",
            {{"component", options_.component},
             {"event", name_of(event)},
             {"by", who},
             {"attempts", fmt::to_string(attempts_of(event))},
             {"reason", event.trouble ? std::string_view(event.trouble->reason) : std::string_view()}});
  settle_and_leave(event, CLEAT_ACK);
}

}  // namespace cleat
