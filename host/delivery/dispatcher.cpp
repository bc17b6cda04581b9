#include "delivery/dispatcher.hpp"

#include <fmt/core.h>

#include "base/text.hpp"

namespace cleat {
namespace {

// A source without lanes need not be read far ahead of what can run; one with lanes must have each lane's next event here.
constexpr std::uint32_t kLaneWindow = 1'024;
constexpr std::uint32_t kPerLane = 128;
// The window follows the held events in steps, so that it does not change with every failure.
constexpr std::uint32_t kWindowStep = 64;

bool is_success(const Answer& answer) {
  return answer.outcome == Outcome::answered && answer.status >= 200 && answer.status < 300;
}

std::string describe(const Answer& answer) {
  if (answer.outcome == Outcome::answered) return fmt::format("the application answered {}", answer.status);
  return std::string(answer.error.empty() ? "the attempt was cut" : answer.error);
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options, Loop& home, Application& application, InputPort& port,
                       Log& log, std::uint32_t random_seed)
    : options_(std::move(options)),
      home_(home),
      application_(application),
      port_(port),
      log_(log),
      random_(random_seed),
      retry_timer_([this] { retry_due(); }),
      trial_timer_([this] {
        pump();
        flush();
      }),
      window_{2 * options_.max_in_flight, options_.max_bytes, kPerLane} {}

Dispatcher::~Dispatcher() {
  const Event::Free free;
  due_.clear();
  lanes_.drain(ready_);
  for (EventList* list : {&ready_, &held_, &running_})
    list->clear_and_dispose(free);
}

void Dispatcher::on_events(std::vector<EventPtr> events) {
  for (EventPtr& owned : events) {
    Event& event = *owned.release();  // the lists hold it until settle() takes it back
    if (stopping_ || lanes_.closed(event.lane)) {
      settle(event, CLEAT_ABANDON);
      continue;
    }
    lanes_seen_ = lanes_seen_ || event.lane != 0;
    if (lanes_.enter(event)) make_ready(event);
  }
  pump();
  flush();
  fit_window();
}

void Dispatcher::make_ready(Event& event) {
  event.place = Event::Place::ready;
  ready_.push_back(event);
}

// Starts what may start. While the application is unreachable a single attempt at a time asks for it.
void Dispatcher::pump() {
  while (!ready_.empty() && !stopping_) {
    if (running_.size() >= options_.max_in_flight) return;
    if (!reachable_ && (trial_running_ || trial_timer_.armed())) return;
    Event& event = ready_.front();
    ready_.pop_front();
    start(event);
  }
}

void Dispatcher::start(Event& event) {
  if (event.settle_by_ns != 0 && home_.now_ns() >= event.settle_by_ns) {
    const std::uint64_t lane = event.lane;
    settle(event, CLEAT_ABANDON);
    if (lane != 0) close_lane(lane);
    return;
  }
  ++event.attempts;
  event.place = Event::Place::running;
  running_.push_back(event);
  in_flight_.store(static_cast<std::uint32_t>(running_.size()), std::memory_order_relaxed);
  delivered_.fetch_add(1, std::memory_order_relaxed);
  if (!reachable_) trial_running_ = true;
  application_.post(event, *this);
}

void Dispatcher::on_answer(Event& event, const Answer& answer) {
  running_.erase(running_.iterator_to(event));
  in_flight_.store(static_cast<std::uint32_t>(running_.size()), std::memory_order_relaxed);
  trial_running_ = false;
  const std::uint64_t lane = event.lane;
  if (answer.outcome == Outcome::unreachable) {
    application_unreachable();
  } else if (answer.outcome != Outcome::cancelled) {
    application_reached();
  }

  if (is_success(answer)) {
    note_success(event);
    acked_.fetch_add(1, std::memory_order_relaxed);
    leave_lane(lane);
    pump();  // the lane's next event is on its way before the plugin hears of this one
    settle(event, CLEAT_ACK);
  } else if (stopping_ || event.withdrawn || lanes_.closed(lane)) {
    settle(event, CLEAT_ABANDON, answer.outcome == Outcome::cancelled ? CLEAT_MAY_STILL_RUN : 0);
    if (lane != 0) close_lane(lane);
    pump();  // a place is free, and perhaps the application was reached
  } else {
    hold(event, answer);
    pump();
  }
  flush();
  fit_window();
  check_idle();
}

// The event keeps its place: its lane goes on only after it.
void Dispatcher::hold(Event& event, const Answer& answer) {
  failed_attempts_.fetch_add(1, std::memory_order_relaxed);
  note_trouble(event, answer);
  if (answer.outcome == Outcome::unreachable) {
    --event.attempts;   // the application never saw it
    make_ready(event);  // behind the others: if this one ends the application, they are to be tried as well
    return;
  }
  event.due_ns = home_.now_ns() + options_.retry.delay_ns(event.attempts, random_);
  event.place = Event::Place::held;
  held_.push_back(event);
  held_count_.store(static_cast<std::uint32_t>(held_.size()), std::memory_order_relaxed);
  due_.insert(event);
  arm_retry();
}

void Dispatcher::arm_retry() {
  if (due_.empty()) return;
  const std::uint64_t soonest = due_.begin()->due_ns;
  if (!retry_timer_.armed() || retry_timer_.when_ns() > soonest) home_.arm(retry_timer_, soonest);
}

void Dispatcher::retry_due() {
  const std::uint64_t now = home_.now_ns();
  while (!due_.empty() && due_.begin()->due_ns <= now) {
    Event& event = *due_.begin();
    take_unstarted(event);
    make_ready(event);
  }
  arm_retry();
  pump();
  flush();
  fit_window();
}

void Dispatcher::application_unreachable() {
  reachable_ = false;
  // Attempts that were out together fail together: they count once.
  if (trial_timer_.armed()) return;
  ++unreachable_in_a_row_;
  home_.arm(trial_timer_, home_.now_ns() + options_.unreachable.delay_ns(unreachable_in_a_row_, random_));
}

void Dispatcher::application_reached() {
  reachable_ = true;
  unreachable_in_a_row_ = 0;
  trial_timer_.disarm();
}

void Dispatcher::leave_lane(std::uint64_t lane) {
  if (Event* next = lanes_.leave(lane)) make_ready(*next);
}

void Dispatcher::settle(Event& event, std::int32_t verdict, std::uint32_t flags) {
  if (verdict == CLEAT_ABANDON) abandoned_.fetch_add(1, std::memory_order_relaxed);
  settlements_.push_back({EventPtr(&event), verdict, flags});
}

void Dispatcher::flush() {
  if (settlements_.empty()) return;
  std::vector<Settlement> out;
  out.swap(settlements_);
  port_.settle(out);
  out.clear();
  if (settlements_.empty()) settlements_.swap(out);  // keep the capacity
}

void Dispatcher::abandon(EventList& unstarted) {
  while (!unstarted.empty()) {
    Event& event = unstarted.front();
    unstarted.pop_front();
    lanes_.close(event.lane, unstarted);
    settle(event, CLEAT_ABANDON);
  }
}

// Takes an event that does not run out of the list that it waits in.
void Dispatcher::take_unstarted(Event& event) {
  if (event.place == Event::Place::held) {
    due_.erase(due_.iterator_to(event));
    held_.erase(held_.iterator_to(event));
    held_count_.store(static_cast<std::uint32_t>(held_.size()), std::memory_order_relaxed);
  } else if (event.place == Event::Place::ready) {
    ready_.erase(ready_.iterator_to(event));
  } else {
    lanes_.remove(event);
  }
}

// A POST that waits for the application's concurrency has not begun, so it can still be left undone.
bool Dispatcher::recall(Event& event) {
  if (!application_.recall(event)) return false;
  running_.erase(running_.iterator_to(event));
  in_flight_.store(static_cast<std::uint32_t>(running_.size()), std::memory_order_relaxed);
  return true;
}

template <class Wanted>
void Dispatcher::recall_if(Wanted wanted, EventList& unstarted) {
  for (auto at = running_.begin(); at != running_.end();) {
    Event& event = *at++;
    if (wanted(event) && recall(event)) unstarted.push_back(event);
  }
}

// A lane in which an event was given back is over: nothing of it may start, or it would overtake.
void Dispatcher::close_lane(std::uint64_t lane) {
  EventList unstarted;
  recall_if([lane](const Event& event) { return event.lane == lane; }, unstarted);
  lanes_.close(lane, unstarted);
  for (EventList* list : {&ready_, &held_}) {
    for (auto at = list->begin(); at != list->end();) {
      Event& event = *at++;
      if (event.lane != lane) continue;
      take_unstarted(event);
      unstarted.push_back(event);
    }
  }
  abandon(unstarted);
}

Event* Dispatcher::find_idle(std::uint64_t id) {
  for (EventList* list : {&ready_, &held_}) {
    for (Event& event : *list) {
      if (event.id == id) return &event;
    }
  }
  return lanes_.find(id);
}

void Dispatcher::withdraw_event(std::uint64_t id) {
  for (Event& event : running_) {
    if (event.id != id) continue;
    event.withdrawn = true;
    if (event.lane != 0) {
      close_lane(event.lane);
    } else if (recall(event)) {
      settle(event, CLEAT_ABANDON);
    }
    return;
  }
  Event* const event = find_idle(id);
  if (event == nullptr) return;  // already settled
  if (event->lane != 0) {
    close_lane(event->lane);
  } else {
    take_unstarted(*event);
    settle(*event, CLEAT_ABANDON);
  }
}

void Dispatcher::on_withdraw(std::int32_t by, std::span<const std::uint64_t> ids) {
  for (const std::uint64_t id : ids) {
    if (by == CLEAT_BY_LANE) {
      close_lane(id);
    } else {
      withdraw_event(id);
    }
  }
  pump();
  flush();
  fit_window();
}

void Dispatcher::stop(Task idle) {
  stopping_ = true;
  idle_ = std::move(idle);
  EventList unstarted;
  recall_if([](const Event&) { return true; }, unstarted);
  lanes_.drain(unstarted);
  for (EventList* list : {&ready_, &held_}) {
    while (!list->empty()) {
      Event& event = list->front();
      take_unstarted(event);
      unstarted.push_back(event);
    }
  }
  abandon(unstarted);
  retry_timer_.disarm();
  trial_timer_.disarm();
  flush();
  check_idle();
}

void Dispatcher::cut() {
  for (auto at = running_.begin(); at != running_.end();) {
    Event& event = *at++;
    application_.abort(event);
  }
}

void Dispatcher::check_idle() {
  if (stopping_ && running_.empty() && idle_) std::exchange(idle_, Task())();
}

void Dispatcher::fit_window() {
  const std::uint32_t base = lanes_seen_ ? kLaneWindow : 2 * options_.max_in_flight;
  // A held event of a lane holds up what waits behind it, at most a full lane.
  const std::uint64_t blocked = held_.size() * std::uint64_t{lanes_seen_ ? kPerLane : 1};
  const auto held = static_cast<std::uint32_t>(std::min<std::uint64_t>(blocked, options_.max_held));
  Window fitting = window_;
  fitting.max_events = base + (held + kWindowStep - 1) / kWindowStep * kWindowStep;
  fitting.max_bytes = held_.empty() ? options_.max_bytes : 2 * options_.max_bytes;
  if (fitting == window_ || stopping_) return;
  window_ = fitting;
  port_.set_window(window_);
}

// The log says once when things go wrong and once when they are well again, not once per attempt.
void Dispatcher::note_trouble(const Event& event, const Answer& answer) {
  std::string what = describe(answer);
  if (!troubled_) {
    log_.warn("an event was not taken by the application: it is held and tried again until it is",
              {{"component", options_.component}, {"event", event.source_id()}, {"reason", what}});
  }
  troubled_ = true;
  const std::lock_guard lock(trouble_mutex_);
  trouble_ = std::move(what);
  troubled_event_ = event.source_id();
}

void Dispatcher::note_success(const Event& event) {
  if (!troubled_ || !held_.empty()) return;
  troubled_ = false;
  log_.info("the application takes events again",
            {{"component", options_.component}, {"event", event.source_id()}});
  const std::lock_guard lock(trouble_mutex_);
  trouble_.clear();
  troubled_event_.clear();
}

std::vector<std::string> Dispatcher::running_ids(std::size_t most) const {
  std::vector<std::string> ids;
  for (const Event& event : running_) {
    if (ids.size() == most) break;
    ids.emplace_back(event.source_id());
  }
  return ids;
}

DispatcherView Dispatcher::view() const {
  DispatcherView view;
  view.in_flight = in_flight_.load(std::memory_order_relaxed);
  view.held = held_count_.load(std::memory_order_relaxed);
  view.delivered = delivered_.load(std::memory_order_relaxed);
  view.acked = acked_.load(std::memory_order_relaxed);
  view.failed_attempts = failed_attempts_.load(std::memory_order_relaxed);
  view.abandoned = abandoned_.load(std::memory_order_relaxed);
  const std::lock_guard lock(trouble_mutex_);
  view.trouble = trouble_;
  view.troubled_event = troubled_event_;
  return view;
}

}  // namespace cleat
