#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "delivery/dispatcher.hpp"

// What can be seen of a component's events, and what a person may decide about them.

namespace cleat {
namespace {

using Place = Event::Place;

std::string_view name_of_place(Place place) {
  switch (place) {
    case Place::lane:
      return "waiting";
    case Place::ready:
      return "ready";
    case Place::running:
      return "running";
    case Place::held:
      return "held";
    case Place::blocked:
      return "blocked";
    case Place::leaving:
      return "dead-letter";
  }
  return {};
}

// A handler that takes longer than this is shown; it is not ended.
constexpr std::uint64_t kLongRunning = 300 * kSecond;

}  // namespace

std::vector<std::string> Dispatcher::running_ids(std::size_t most) {
  std::vector<std::string> ids;
  for (const Event& event : queues_.list(Place::running)) {
    if (ids.size() == most) break;
    ids.push_back(name_of(event));
  }
  return ids;
}

DeliveryView Dispatcher::view() {
  const std::uint64_t now = home_.now_ns();
  DeliveryView view = counts_;
  view.in_flight = queues_.size(Place::running);
  view.waiting = queues_.size(Place::ready) + static_cast<std::uint32_t>(lanes_.waiting());
  view.held = queues_.held();
  view.blocked = queues_.size(Place::blocked);
  view.replies_failed = replies_.failed();
  if (last_success_ns_ != 0) view.last_success_wall_ns = wall_now_ns() - (now - last_success_ns_);
  queues_.for_each([&view](const Event& event) {
    const std::uint64_t seen = event.first_seen_wall_ns;
    if (view.oldest_seen_wall_ns == 0 || seen < view.oldest_seen_wall_ns) view.oldest_seen_wall_ns = seen;
  });
  for (const Event& event : queues_.list(Place::running))
    view.longest_running_ns = std::max(view.longest_running_ns, now - event.started_ns);
  find_condition(view);
  return view;
}

// The most pressing one.
void Dispatcher::find_condition(DeliveryView& view) {
  using Condition = DeliveryView::Condition;
  const auto say = [&view](Condition condition, std::string reason, const EventList& about) {
    view.condition = condition;
    view.reason = std::move(reason);
    if (!about.empty()) view.troubled_event = name_of(about.front());
  };
  const EventList none;
  const EventList& blocked = queues_.list(Place::blocked);
  const EventList& leaving = queues_.list(Place::leaving);
  const EventList& held = queues_.list(Place::held);
  if (dead_letters_.is_stalled()) {
    return say(Condition::stalled,
               fmt::format("{} dead letters in a row without an acknowledged event between them: resume it "
                           "when it is mended",
                           options_.fields.dead_letter_burst),
               none);
  }
  if (!blocked.empty()) {
    return say(Condition::degraded,
               fmt::format("{} event{} blocked until a person decides: {}", blocked.size(),
                           blocked.size() == 1 ? " is" : "s are", blocked.front().trouble->obstacle),
               blocked);
  }
  if (std::string closed = gate_.why_closed(home_.now_ns()); !closed.empty()) {
    if (!gate_.is_reachable()) closed += fmt::format(" ({})", counts_.last_error);
    return say(Condition::degraded, std::move(closed), queues_.list(Place::ready));
  }
  if (dead_letters_.is_failing() && !leaving.empty())
    return say(Condition::degraded, leaving.front().trouble->obstacle, leaving);
  if (queues_.held() >= options_.fields.max_held) {
    return say(
        Condition::degraded,
        fmt::format("{} events are held, which is maxHeld: the source is read no further than the window",
                    queues_.held()),
        held);
  }
  if (gate_.is_misconfigured()) {
    return say(Condition::degraded,
               fmt::format("the application does not serve this route as it should: {}", counts_.last_error),
               held);
  }
  if (!held.empty()) return say(Condition::degraded, held.front().trouble->reason, held);
  if (view.longest_running_ns > kLongRunning) {
    say(Condition::degraded,
        fmt::format("a handler runs for {}", format_duration(view.longest_running_ns / kSecond * kSecond)),
        queues_.list(Place::running));
  }
}

HeldEvents Dispatcher::held_events(std::size_t most) {
  HeldEvents held;
  const std::uint64_t now = home_.now_ns();
  const auto add = [&](const Event& event) {
    if (event.place == Place::running) return;
    ++held.total;
    if (held.events.size() == most) return;
    HeldEvent& shown = held.events.emplace_back();
    shown.id = name_of(event);
    shown.place = name_of_place(event.place);
    shown.lane = event.lane;
    shown.attempts = attempts_of(event);
    shown.first_seen_wall_ns = event.first_seen_wall_ns;
    if (!event.trouble) return;
    const EventTrouble& trouble = *event.trouble;
    shown.last_status = trouble.status;
    shown.last_answer =
        trouble.obstacle.empty() ? trouble.reason : fmt::format("{}; {}", trouble.reason, trouble.obstacle);
    if (trouble.due_hook.is_linked())
      shown.next_attempt_in_ns = trouble.due_ns > now ? trouble.due_ns - now : 1;
  };
  for (const Place place : {Place::blocked, Place::leaving, Place::held, Place::ready}) {
    for (const Event& event : queues_.list(place))
      add(event);
  }
  lanes_.for_each(add);
  return held;
}

Event* Dispatcher::find_by_name(std::string_view id) {
  Event* found = nullptr;
  queues_.for_each([&](Event& event) {
    const bool is_it =
        event.source_id().empty() ? id == fmt::format("#{}", event.id) : id == event.source_id();
    if (is_it && (found == nullptr || event.place > found->place)) found = &event;
  });
  return found;
}

Decided no_event_held(std::string_view id) {
  return {Decided::Result::not_found, fmt::format("no event '{}' is held", id)};
}

Decided Dispatcher::decide(std::string_view id, Decision decision) {
  using Result = Decided::Result;
  Event* const event = find_by_name(id);
  if (event == nullptr || stopping_) return no_event_held(id);
  if (event->place == Place::running)
    return {Result::conflict, "an attempt of it runs now: wait for its end"};
  if (event->place == Place::lane) {
    return {Result::conflict, "it waits behind an earlier event of its order: decide about that one first"};
  }
  if (event->trouble && event->trouble->writing)
    return {Result::conflict, "its dead letter is being written"};
  if (decision == Decision::dead_letter && !dead_letters_.has_target()) {
    return {Result::conflict,
            "the component has no deadLetter to write it to: set one, or decide drop or retry"};
  }
  if (!event->trouble) {
    event->trouble = std::make_unique<EventTrouble>(*event);
    event->trouble->reason = "a person decided";
    event->trouble->first_attempt_wall_ns = event->trouble->last_attempt_wall_ns = wall_now_ns();
  }
  log_.warn("a person decided about an event", {{"component", options_.component},
                                                {"event", name_of(*event)},
                                                {"decision", decision == Decision::retry  ? "retry"
                                                             : decision == Decision::drop ? "drop"
                                                                                          : "dead-letter"},
                                                {"attempts", fmt::to_string(attempts_of(*event))}});
  queues_.take(*event);
  event->trouble->obstacle.clear();
  switch (decision) {
    case Decision::retry:
      retry_now(*event);
      break;
    case Decision::dead_letter:
      give_up(*event);
      break;
    case Decision::drop:
      drop(*event, "a person");
      break;
  }
  after_answers();
  return {};
}

// All its attempts are forgiven: it may have as many again.
void Dispatcher::retry_now(Event& event) {
  event.trouble->forgiven = attempts_of(event);
  event.trouble->first_attempt_ns = home_.now_ns();
  make_ready(event);
}

}  // namespace cleat
