#include "delivery/lanes.hpp"

namespace cleat {

bool Lanes::enter(Event& event, std::uint64_t order) {
  if (order == 0) return true;
  const auto [place, free] = lines_.try_emplace(order);
  if (free) return true;
  event.place = Event::Place::lane;
  place->second.waiting.push_back(event);
  ++waiting_;
  return false;
}

Event& Lanes::pop(Line& line) {
  Event& next = line.waiting.front();
  line.waiting.pop_front();
  --waiting_;
  ++line.out;
  return next;
}

Event* Lanes::leave(std::uint64_t order) {
  const auto place = order == 0 ? lines_.end() : lines_.find(order);
  if (place == lines_.end() || --place->second.out > 0) return nullptr;
  if (!place->second.waiting.empty()) return &pop(place->second);
  lines_.erase(place);
  return nullptr;
}

Event* Lanes::take_more(std::uint64_t order, std::uint32_t mine) {
  const auto place = order == 0 ? lines_.end() : lines_.find(order);
  if (place == lines_.end() || place->second.waiting.empty() || place->second.out != mine) return nullptr;
  return &pop(place->second);
}

std::size_t Lanes::waiting_behind_one(std::uint64_t order) const {
  const auto place = order == 0 ? lines_.end() : lines_.find(order);
  return place == lines_.end() || place->second.out != 1 ? 0 : place->second.waiting.size();
}

void Lanes::put_back(Event& event, std::uint64_t order) {
  Line& line = lines_.at(order);
  --line.out;
  event.place = Event::Place::lane;
  line.waiting.push_front(event);
  ++waiting_;
}

void Lanes::remove(Event& event, std::uint64_t order) {
  EventList& waiting = lines_.at(order).waiting;
  waiting.erase(waiting.iterator_to(event));
  --waiting_;
}

void Lanes::close_line(std::uint64_t lane, Line& line, EventList& unstarted) {
  for (auto at = line.waiting.begin(); at != line.waiting.end();) {
    Event& event = *at++;
    if (event.lane != lane) continue;
    line.waiting.erase(line.waiting.iterator_to(event));
    --waiting_;
    unstarted.push_back(event);
  }
}

void Lanes::close(std::uint64_t lane, bool lane_is_order, EventList& unstarted) {
  if (lane == 0 || !closed_.insert(lane).second) return;
  closed_order_.push_back(lane);
  if (closed_order_.size() > kClosedKept) {
    closed_.erase(closed_order_.front());
    closed_order_.pop_front();
  }
  if (lane_is_order) {
    const auto place = lines_.find(lane);
    if (place != lines_.end()) close_line(lane, place->second, unstarted);
    return;
  }
  for (auto& [order, line] : lines_)
    close_line(lane, line, unstarted);
}

void Lanes::drain(EventList& unstarted) {
  for (auto& [order, line] : lines_)
    unstarted.splice(unstarted.end(), line.waiting);
  waiting_ = 0;
}

}  // namespace cleat
