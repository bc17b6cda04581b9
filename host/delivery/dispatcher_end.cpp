#include <algorithm>

#include "delivery/dispatcher.hpp"

// How events leave without having been done: withdrawn by their plugin, or because the component stops.

namespace cleat {

// The event is in no list. A lane in which one was given back is over: what is left of it would overtake.
void Dispatcher::abandon(Event& event, std::uint32_t flags) {
  const std::uint64_t lane = event.lane;
  settle_and_leave(event, CLEAT_ABANDON, flags);
  if (lane != 0) close_lane(lane);
}

void Dispatcher::abandon_leaving() {
  EventList& leaving = queues_.list(Place::leaving);
  for (auto at = leaving.begin(); at != leaving.end();) {
    Event& event = *at++;
    if (event.trouble->writing) continue;
    queues_.take(event);
    settle_and_leave(event, CLEAT_ABANDON);
  }
}

// A POST that waits for the application's concurrency has not begun, so it can still be left undone. Of a batch the others
// are made ready again.
template <class Wanted>
void Dispatcher::recall(Wanted wanted, std::vector<Event*>& taken) {
  const auto take_back = [this](Event& event) {
    undo_attempt(event);
    queues_.take(event);
  };
  for (auto batch = batches_.begin(); batch != batches_.end();) {
    const bool is_wanted =
        std::any_of(batch->events.begin(), batch->events.end(), [&](Event* event) { return wanted(*event); });
    if (!is_wanted || !application_.recall(*batch)) {
      ++batch;
      continue;
    }
    gate_.forget(batch->attempt, home_.now_ns());
    std::vector<Event*> others;
    for (Event* event : batch->events) {
      take_back(*event);
      (wanted(*event) ? taken : others).push_back(event);
    }
    put_back_behind(others);
    for (auto event = others.rbegin(); event != others.rend(); ++event)
      queues_.add_first(**event, Place::ready);
    batch = batches_.erase(batch);
  }
  if (is_batching()) return;
  EventList& running = queues_.list(Place::running);
  for (auto at = running.begin(); at != running.end();) {
    Event& event = *at++;
    if (!wanted(event) || !application_.recall(event)) continue;
    gate_.forget({event.started_ns, event.breaker_period}, home_.now_ns());
    take_back(event);
    taken.push_back(&event);
  }
}

// Everything that is wanted, does not run and is the first of its order.
template <class Wanted>
void Dispatcher::take_unstarted(Wanted wanted, std::vector<Event*>& taken) {
  recall(wanted, taken);
  for (const Place place : {Place::ready, Place::held, Place::blocked, Place::leaving}) {
    EventList& list = queues_.list(place);
    for (auto at = list.begin(); at != list.end();) {
      Event& event = *at++;
      if (!wanted(event) || (event.trouble && event.trouble->writing)) continue;
      queues_.take(event);
      taken.push_back(&event);
    }
  }
}

void Dispatcher::close_lane(std::uint64_t lane) {
  if (lanes_.is_closed(lane)) return;
  EventList behind;
  lanes_.close(lane, options_.fields.ordering == Ordering::partition, behind);
  std::vector<Event*> first;
  take_unstarted([lane](const Event& event) { return event.lane == lane; }, first);
  give_back(first, behind);
}

// The first of their orders, which are in no list, and those that waited behind them.
void Dispatcher::give_back(const std::vector<Event*>& first, EventList& behind) {
  for (Event* event : first)
    settle_and_leave(*event, CLEAT_ABANDON);
  while (!behind.empty()) {
    Event& event = behind.front();
    behind.pop_front();
    settle(event, CLEAT_ABANDON);
  }
}

void Dispatcher::withdraw_event(Event& event) {
  event.withdrawn = true;
  if (event.lane != 0) return close_lane(event.lane);
  if (event.place == Place::lane) {
    lanes_.remove(event, order_of(event));
    return settle(event, CLEAT_ABANDON);
  }
  std::vector<Event*> taken;
  take_unstarted([&event](const Event& other) { return &other == &event; }, taken);
  if (!taken.empty()) settle_and_leave(event, CLEAT_ABANDON);
}

void Dispatcher::on_withdraw(std::int32_t by, std::span<const std::uint64_t> ids) {
  for (const std::uint64_t id : ids) {
    if (by == CLEAT_BY_LANE) {
      if (id != 0) close_lane(id);
    } else if (Event* const event = queues_.find(id)) {
      withdraw_event(*event);
    }
  }
  after_answers();
}

void Dispatcher::stop(Task idle) {
  stopping_ = true;
  idle_ = std::move(idle);
  EventList behind;
  lanes_.drain(behind);
  std::vector<Event*> first;
  take_unstarted([](const Event&) { return true; }, first);
  EventList none;
  for (const Event* event : first)
    lanes_.close(event->lane, false, none);
  for (const Event& event : behind)
    lanes_.close(event.lane, false, none);
  give_back(first, behind);
  for (Timer* timer : {&retry_timer_, &gate_timer_, &linger_timer_, &trial_timer_})
    timer->disarm();
  flush();
  check_idle();
}

void Dispatcher::resume() {
  stopping_ = false;
  cut_ = false;
  fit_window();
}

void Dispatcher::cut() {
  cut_ = true;
  std::vector<Event*> not_begun;
  recall([](const Event&) { return true; }, not_begun);
  for (Event* event : not_begun)
    abandon(*event);
  for (OutBatch& batch : batches_)
    application_.abort(batch);
  if (!is_batching()) {
    for (Event& event : queues_.list(Place::running))
      application_.abort(event);
  }
  dead_letters_.forget_writes();
  for (Event& event : queues_.list(Place::leaving))
    event.trouble->writing = false;
  abandon_leaving();
  flush();
  check_idle();
}

void Dispatcher::end_stall() {
  dead_letters_.resume();
  after_answers();
}

void Dispatcher::check_idle() {
  if (!stopping_ || !idle_ || is_concluding_ || queues_.size(Place::running) > 0 ||
      dead_letters_.writing() > 0)
    return;
  if (!cut_ && replies_.running() > 0) return replies_.when_idle([this] { check_idle(); });
  std::exchange(idle_, Task())();
}

}  // namespace cleat
