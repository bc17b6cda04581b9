#include <algorithm>
#include <unordered_set>
#include <utility>

#include "delivery/dispatcher.hpp"

// Several events in one request: how they are gathered, and what one answer says about each.

namespace cleat {
namespace {

Answer not_mentioned() {
  Answer answer;
  answer.outcome = Outcome::broken;
  answer.error = "the application's answer to the batch asks for it again or does not mention it";
  return answer;
}

}  // namespace

void Dispatcher::pump_batches() {
  const EventList& ready = queues_.list(Place::ready);
  while (!ready.empty() && batches_.size() < options_.fields.max_in_flight && batch_is_due()) {
    if (!gate_.is_open(home_.now_ns())) return wait_for_gate();
    start_batch();
  }
  if (ready.empty()) end_linger();
}

void Dispatcher::end_linger() {
  linger_over_ = false;
  linger_timer_.disarm();
}

// What waits behind an event that is held or runs cannot go along, however much of it there is.
bool Dispatcher::is_batch_full() {
  std::size_t fitting = queues_.size(Place::ready);
  if (lanes_.waiting() > 0) {
    for (const Event& event : queues_.list(Place::ready)) {
      if (fitting >= options_.fields.batch_max) break;
      fitting += lanes_.waiting_behind_one(order_of(event));
    }
  }
  return fitting >= options_.fields.batch_max;
}

// Full, or waited for others long enough.
bool Dispatcher::batch_is_due() {
  const DeliveryFields& fields = options_.fields;
  if (fields.batch_linger_ns == 0 || linger_over_ || queues_.list(Place::ready).front().alone) return true;
  if (is_batch_full()) return true;
  if (!linger_timer_.armed()) home_.arm(linger_timer_, home_.now_ns() + fields.batch_linger_ns);
  return false;
}

// An event that is refused may end its dead letter at once, and that may start another batch in between.
void Dispatcher::start_batch() {
  const std::uint64_t now = home_.now_ns();
  const auto own = batches_.emplace(batches_.end());
  OutBatch& batch = *own;
  EventList& ready = queues_.list(Place::ready);
  while (!ready.empty() && batch.events.size() < options_.fields.batch_max) {
    Event& event = ready.front();
    if (refuse(event, now)) continue;
    if (event.alone && !batch.events.empty()) break;
    queues_.take(event);
    const bool alone = event.alone;
    if (!add_to_batch(batch, event, now) || alone) break;
  }
  if (batch.events.empty()) {
    batches_.erase(own);
    return;
  }
  end_linger();
  batch.attempt = gate_.begin(now);
  application_.post(batch, *this);
  if (!gate_.is_reachable()) begin_trial(now);
}

// With it go those that wait right behind it, in their order, up to one that has to go alone or may not begin: what becomes
// of that one is decided when it is the first. False: the batch is full, or the event has to go alone.
bool Dispatcher::add_to_batch(OutBatch& batch, Event& first, std::uint64_t now_ns) {
  const std::uint64_t order = order_of(first);
  std::uint32_t mine = 0;
  for (Event* event = &first; event != nullptr;) {
    begin_attempt(*event, {now_ns, 0});
    batch.events.push_back(event);
    if (first.alone || batch.events.size() == options_.fields.batch_max) return false;
    event = lanes_.take_more(order, ++mine);
    if (event != nullptr && (event->alone || !may_begin(*event, now_ns))) {
      lanes_.put_back(*event, order);
      event = nullptr;
    }
  }
  return true;
}

void Dispatcher::on_batch_answer(Batch& batch, const Answer& answer,
                                 std::span<const std::optional<Verdict>> verdicts) {
  const auto out =
      std::find_if(batches_.begin(), batches_.end(), [&](const OutBatch& one) { return &one == &batch; });
  const std::vector<Event*> events = std::move(out->events);
  const Gate::Attempt attempt = out->attempt;
  batches_.erase(out);
  Judgement whole = judge(answer);
  const std::uint64_t now = home_.now_ns();
  tell_gate(attempt, answer, whole, now);
  for (Event* event : events)
    queues_.take(*event);

  // What one status says of many events at once is no verdict about any of them, and an event that breaks the request or ends
  // the application must not take the others with it: each is asked for again alone, until it is done.
  const bool says_each = answer.is_success();
  const bool has_expired = answer.outcome == Outcome::expired;
  const bool split = events.size() > 1 && !says_each && !has_expired;
  if (split || has_expired) whole.verdict = Verdict::retry;
  std::vector<Event*> again;
  bool has_replied = false;
  // A dead letter may be written within conclude(), and the component be idle as far as that one can see.
  const bool was_concluding = std::exchange(is_concluding_, true);
  for (std::size_t i = 0; i < events.size(); ++i) {
    Event& event = *events[i];
    event.alone = event.alone || split;
    Judgement judgement = whole;
    if (says_each) judgement.verdict = i < verdicts.size() && verdicts[i] ? *verdicts[i] : Verdict::retry;
    const bool is_over = answer.outcome == Outcome::cancelled || (has_expired && event.is_expired(now));
    if (judgement.verdict == Verdict::retry && !is_over) {
      again.push_back(&event);
    } else {
      if (judgement.verdict == Verdict::ack && !std::exchange(has_replied, true)) run_replies(answer, event);
      conclude(event, judgement, answer, now);
    }
  }
  fail_in_batch(again, says_each ? not_mentioned() : answer, split, now);
  is_concluding_ = was_concluding;
  after_answers();
}

// The first failed event of each order ends as if it had been alone. Those that came behind it wait behind it again, and what
// their failure means is found out when it is their turn. An event that is given back closes its lane for those after it.
// `split`: one answer was given about all of them.
void Dispatcher::fail_in_batch(const std::vector<Event*>& failed, const Answer& answer, bool split,
                               std::uint64_t now_ns) {
  const bool never_came = answer.outcome == Outcome::unreachable || answer.outcome == Outcome::expired;
  std::vector<Event*> first;
  for (Event* event : failed) {
    if (may_go_on(*event)) {
      first.push_back(event);
    } else {
      conclude(*event, Judgement(), answer, now_ns);
    }
  }
  for (Event* event : put_back_behind(first)) {
    if (never_came) {
      undo_attempt(*event);
      if (answer.outcome == Outcome::unreachable) note_failure(*event, describe(answer));
    } else if (split) {
      forgive(*event, answer);
    } else {
      take_failure(*event, answer);
    }
  }
  for (Event* event : first) {
    if (!split || never_came) {
      conclude(*event, Judgement(), answer, now_ns);
    } else {
      forgive(*event, answer);
      hold(*event, options_.retry.wait.delay_ns(attempts_of(*event), random_));
    }
  }
}

// Of the events of one request, which are in no list, only the first of each order stays; those behind it go back to where they
// waited, and are returned.
std::vector<Event*> Dispatcher::put_back_behind(std::vector<Event*>& events) {
  std::vector<Event*> first, behind;
  std::unordered_set<std::uint64_t> orders;
  for (Event* event : events) {
    const std::uint64_t order = order_of(*event);
    (order == 0 || orders.insert(order).second ? first : behind).push_back(event);
  }
  for (auto at = behind.rbegin(); at != behind.rend(); ++at)
    lanes_.put_back(**at, order_of(**at));
  events = std::move(first);
  return behind;
}

}  // namespace cleat
