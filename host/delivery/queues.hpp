#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "delivery/lanes.hpp"
#include "plugin/event.hpp"

namespace cleat {

struct SoonerDue {
  bool operator()(const EventTrouble& a, const EventTrouble& b) const { return a.due_ns < b.due_ns; }
};
using DueSet = boost::intrusive::multiset<
    EventTrouble,
    boost::intrusive::member_hook<EventTrouble, boost::intrusive::set_member_hook<>, &EventTrouble::due_hook>,
    boost::intrusive::compare<SoonerDue>>;

/// Every unsettled event of a component, each in exactly one list: the one that its `place` names.
class Queues {
 public:
  using Place = Event::Place;

  explicit Queues(Lanes& lanes) : lanes_(lanes) {}
  /// What is still here is freed.
  ~Queues();
  Queues(const Queues&) = delete;
  Queues& operator=(const Queues&) = delete;

  /// Puts an event that is in no list behind the others of that place. Never Place::lane: those are with the lanes.
  void add(Event& event, Place place);
  /// Before the others.
  void add_first(Event& event, Place place);
  /// Takes an event that is not in a lane out of its list, and ends its waiting for an instant.
  void take(Event& event);
  void move(Event& event, Place place) {
    take(event);
    add(event, place);
  }

  [[nodiscard]] EventList& list(Place place) { return lists_[static_cast<std::size_t>(place)]; }
  [[nodiscard]] std::uint32_t size(Place place) const {
    return static_cast<std::uint32_t>(lists_[static_cast<std::size_t>(place)].size());
  }
  /// Events that failed and wait for an attempt, a person or their dead letter.
  [[nodiscard]] std::uint32_t held() const {
    return size(Place::held) + size(Place::blocked) + size(Place::leaving);
  }

  /// The event, which stays where it is, is returned by pop_due() at that instant. It has trouble.
  void wait_until(Event& event, std::uint64_t due_ns);
  /// An event whose instant has come; it waits for none any more. nullptr: none.
  [[nodiscard]] Event* pop_due(std::uint64_t now_ns);
  /// 0: none.
  [[nodiscard]] std::uint64_t next_due_ns() const { return due_.empty() ? 0 : due_.begin()->due_ns; }

  /// Every event, those in lanes included; the visitor changes no list.
  template <class Visit>
  void for_each(Visit visit) {
    for (EventList& list : lists_) {
      for (Event& event : list)
        visit(event);
    }
    lanes_.for_each(visit);
  }
  [[nodiscard]] Event* find(std::uint64_t id);

 private:
  static constexpr std::size_t kPlaces = 6;
  EventList lists_[kPlaces];
  Lanes& lanes_;
  DueSet due_;
};

}  // namespace cleat
