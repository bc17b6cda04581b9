#include "delivery/lanes.hpp"

namespace cleat {

bool Lanes::enter(Event& event) {
  if (event.lane == 0) return true;
  const auto [place, free] = waiting_.try_emplace(event.lane);
  if (free) return true;
  event.place = Event::Place::lane;
  place->second.push_back(event);
  return false;
}

Event* Lanes::leave(std::uint64_t lane) {
  if (lane == 0) return nullptr;
  const auto place = waiting_.find(lane);
  if (place == waiting_.end()) return nullptr;
  if (place->second.empty()) {
    waiting_.erase(place);
    return nullptr;
  }
  Event& next = place->second.front();
  place->second.pop_front();
  return &next;
}

void Lanes::close(std::uint64_t lane, EventList& unstarted) {
  if (lane == 0 || !closed_.insert(lane).second) return;
  closed_order_.push_back(lane);
  if (closed_order_.size() > kClosedKept) {
    closed_.erase(closed_order_.front());
    closed_order_.pop_front();
  }
  const auto place = waiting_.find(lane);
  if (place == waiting_.end()) return;
  unstarted.splice(unstarted.end(), place->second);
  waiting_.erase(place);
}

void Lanes::drain(EventList& unstarted) {
  for (auto& [lane, waiting] : waiting_)
    unstarted.splice(unstarted.end(), waiting);
}

Event* Lanes::find(std::uint64_t id) {
  for (auto& [lane, waiting] : waiting_) {
    for (Event& event : waiting) {
      if (event.id == id) return &event;
    }
  }
  return nullptr;
}

void Lanes::remove(Event& event) {
  EventList& waiting = waiting_.at(event.lane);
  waiting.erase(waiting.iterator_to(event));
}

}  // namespace cleat
