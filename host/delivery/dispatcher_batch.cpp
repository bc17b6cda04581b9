#include <algorithm>
#include <unordered_set>

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
  while (!queues_.list(Place::ready).empty() && batches_.size() < options_.fields.max_in_flight &&
         batch_is_due()) {
    if (!gate_.is_open(home_.now_ns())) return wait_for_gate();
    if (!start_batch()) return;
  }
}

// Full, or waited for others long enough.
bool Dispatcher::batch_is_due() {
  const DeliveryFields& fields = options_.fields;
  if (fields.batch_linger_ns == 0 || linger_over_ || queues_.list(Place::ready).front().alone) return true;
  if (queues_.size(Place::ready) + lanes_.waiting() >= fields.batch_max) return true;
  if (!linger_timer_.armed()) home_.arm(linger_timer_, home_.now_ns() + fields.batch_linger_ns);
  return false;
}

bool Dispatcher::start_batch() {
  const std::uint64_t now = home_.now_ns();
  OutBatch& batch = batches_.emplace_back();
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
    batches_.pop_back();
    return false;
  }
  linger_over_ = false;
  linger_timer_.disarm();
  batch.period = gate_.begin(now);
  application_.post(batch, *this);
  return true;
}

// With it go those that wait right behind it, in their order. False: the batch is full, or the next one has to go alone.
bool Dispatcher::add_to_batch(OutBatch& batch, Event& first, std::uint64_t now_ns) {
  const std::uint64_t order = order_of(first);
  for (Event* event = &first; event != nullptr;) {
    begin_attempt(*event, 0, now_ns);
    batch.events.push_back(event);
    if (first.alone || batch.events.size() == options_.fields.batch_max) return false;
    event = lanes_.take_more(order);
    if (event != nullptr && event->alone) {
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
  const Breaker::Period period = out->period;
  batches_.erase(out);
  Judgement whole = judge(answer);
  tell_gate(period, answer, whole);
  for (Event* event : events)
    queues_.take(*event);

  // What one status says of many events at once is no verdict about any of them: each is asked for again alone.
  const bool says_each = answer.is_success();
  const bool split = events.size() > 1 && answer.outcome == Outcome::answered && !says_each;
  if (split) whole.verdict = Verdict::retry;
  std::vector<Event*> failed;
  for (std::size_t i = 0; i < events.size(); ++i) {
    Event& event = *events[i];
    event.alone = split;
    Judgement judgement = whole;
    if (says_each) judgement.verdict = i < verdicts.size() && verdicts[i] ? *verdicts[i] : Verdict::retry;
    const bool was_attempted = answer.outcome != Outcome::unreachable &&
                               answer.outcome != Outcome::cancelled && answer.outcome != Outcome::expired;
    if (judgement.verdict == Verdict::retry && was_attempted && may_go_on(event)) {
      failed.push_back(&event);
    } else {
      conclude(event, judgement, answer);
    }
  }
  fail_in_batch(failed, says_each ? not_mentioned() : answer);
  after_answers();
}

// The first failed event of each order is held or given up as if it had been alone. Those that came behind it wait behind it
// again, in their order, and what their failure means is found out when it is their turn.
void Dispatcher::fail_in_batch(const std::vector<Event*>& failed, const Answer& answer) {
  std::vector<Event*> first, behind;
  std::unordered_set<std::uint64_t> orders;
  for (Event* event : failed) {
    const std::uint64_t order = order_of(*event);
    (order == 0 || orders.insert(order).second ? first : behind).push_back(event);
  }
  for (auto at = behind.rbegin(); at != behind.rend(); ++at) {
    remember_failure(**at, answer);
    note_failure(**at, (*at)->trouble->reason);
    lanes_.put_back(**at, order_of(**at));
  }
  for (Event* event : first)
    fail(*event, answer);
}

}  // namespace cleat
