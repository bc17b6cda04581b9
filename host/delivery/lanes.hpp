#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "plugin/event.hpp"

namespace cleat {

using EventList = boost::intrusive::list<
    Event, boost::intrusive::member_hook<Event, boost::intrusive::list_member_hook<>, &Event::lane_hook>>;

struct SoonerDue {
  bool operator()(const Event& a, const Event& b) const { return a.due_ns < b.due_ns; }
};
using DueSet = boost::intrusive::multiset<
    Event, boost::intrusive::member_hook<Event, boost::intrusive::set_member_hook<>, &Event::due_hook>,
    boost::intrusive::compare<SoonerDue>>;

/// Which events wait behind which: the unit of order. At most one event of a lane is out of `waiting` at a time; lane 0 has
/// no order and never waits here.
class Lanes {
 public:
  /// Whether the event may start at once. Otherwise it was put behind its lane's others.
  [[nodiscard]] bool enter(Event& event);
  /// The lane's event is done: the next one that may start, or nullptr.
  [[nodiscard]] Event* leave(std::uint64_t lane);
  /// From now on nothing of this lane starts. What waited moves to `unstarted`.
  void close(std::uint64_t lane, EventList& unstarted);
  [[nodiscard]] bool closed(std::uint64_t lane) const { return closed_.contains(lane); }
  /// Moves everything that waits to `unstarted`; the lanes stay open.
  void drain(EventList& unstarted);
  /// The waiting event of this id, or nullptr.
  [[nodiscard]] Event* find(std::uint64_t id);
  /// Takes a waiting event out.
  void remove(Event& event);

 private:
  // A closed lane's number is never used again, but events may still be on their way when it closes. A plugin cannot have
  // more than its window under way, so the last 65,536 numbers are more than can matter.
  static constexpr std::size_t kClosedKept = 65'536;

  std::unordered_map<std::uint64_t, EventList> waiting_;  ///< an entry: the lane has an event out
  std::unordered_set<std::uint64_t> closed_;
  std::deque<std::uint64_t> closed_order_;
};

}  // namespace cleat
