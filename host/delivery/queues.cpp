#include "delivery/queues.hpp"

namespace cleat {

Queues::~Queues() {
  due_.clear();
  lanes_.drain(lists_[0]);
  for (EventList& list : lists_)
    list.clear_and_dispose(Event::Free());
}

void Queues::add(Event& event, Place place) {
  event.place = place;
  list(place).push_back(event);
}

void Queues::add_first(Event& event, Place place) {
  add(event, place);
  EventList& events = list(place);
  events.splice(events.begin(), events, events.iterator_to(event));
}

void Queues::take(Event& event) {
  EventList& events = list(event.place);
  events.erase(events.iterator_to(event));
  if (event.trouble && event.trouble->due_hook.is_linked()) due_.erase(due_.iterator_to(*event.trouble));
}

void Queues::wait_until(Event& event, std::uint64_t due_ns) {
  event.trouble->due_ns = due_ns;
  due_.insert(*event.trouble);
}

Event* Queues::pop_due(std::uint64_t now_ns) {
  if (due_.empty() || due_.begin()->due_ns > now_ns) return nullptr;
  Event& event = due_.begin()->event;
  due_.erase(due_.begin());
  return &event;
}

Event* Queues::find(std::uint64_t id) {
  Event* found = nullptr;
  for_each([&](Event& event) {
    if (event.id == id) found = &event;
  });
  return found;
}

}  // namespace cleat
