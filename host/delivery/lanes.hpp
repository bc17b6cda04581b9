#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "plugin/event.hpp"

namespace cleat {

using EventList = boost::intrusive::list<
    Event, boost::intrusive::member_hook<Event, boost::intrusive::list_member_hook<>, &Event::hook>>;

/// Which events wait behind which. Events of one order (a lane, a key, or all of a component, as the component's `ordering`
/// says) are attempted one after the other; order 0 is none and never waits here. Also knows which lanes of the source are over.
class Lanes {
 public:
  /// Whether the event may start at once, being the first of its order. Otherwise it was put behind the others.
  [[nodiscard]] bool enter(Event& event, std::uint64_t order);
  /// One event that was out is done: the next of its order that may start, or nullptr.
  [[nodiscard]] Event* leave(std::uint64_t order);
  /// For a request that holds the first `mine` of this order already: the next one, which is then out too. nullptr: none
  /// waits, or one before it is out elsewhere.
  [[nodiscard]] Event* take_more(std::uint64_t order, std::uint32_t mine);
  /// How many wait for nothing but the one event of this order that is out, so that they may go with it.
  [[nodiscard]] std::size_t waiting_behind_one(std::uint64_t order) const;
  /// One event that was out waits again, before all others. Another of its order must still be out.
  void put_back(Event& event, std::uint64_t order);
  /// Takes a waiting event out.
  void remove(Event& event, std::uint64_t order);

  /// From now on nothing of this lane of the source starts. What waited moves to `unstarted`. Lane 0 is never closed.
  void close(std::uint64_t lane, bool lane_is_order, EventList& unstarted);
  [[nodiscard]] bool is_closed(std::uint64_t lane) const { return closed_.contains(lane); }

  /// Moves everything that waits to `unstarted`; the lanes stay open.
  void drain(EventList& unstarted);
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [order, line] : lines_) {
      for (Event& event : line.waiting)
        visit(event);
    }
  }

 private:
  struct Line {
    EventList waiting;
    std::uint32_t out = 1;
  };
  Event& pop(Line& line);
  void close_line(std::uint64_t lane, Line& line, EventList& unstarted);

  // A closed lane's number is never used again, but events may still be on their way when it closes. A plugin cannot have
  // more than its window under way, so the last 65,536 numbers are more than can matter.
  static constexpr std::size_t kClosedKept = 65'536;

  std::unordered_map<std::uint64_t, Line> lines_;  ///< an entry: an event of the order is out
  std::size_t waiting_ = 0;
  std::unordered_set<std::uint64_t> closed_;
  std::deque<std::uint64_t> closed_order_;
};

}  // namespace cleat
