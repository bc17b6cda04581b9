#pragma once

#include <cleat/plugin.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "common/event_loop.hpp"

namespace cleat::common {

/// What waits for its turn on a loop, in order, each until a deadline of its own. All but the constructor on the loop's
/// thread.
template <class Item>
class WaitingList {
 public:
  /// `late` gets what waited beyond its deadline; it is in the list no more. `loop` outlives the list, and has stopped when
  /// the list ends, unless nothing waits then.
  WaitingList(EventLoop& loop, std::size_t most, std::function<void(Item)> late)
      : loop_(loop), most_(most), late_(std::move(late)) {}
  WaitingList(const WaitingList&) = delete;
  WaitingList& operator=(const WaitingList&) = delete;

  [[nodiscard]] bool is_empty() const { return held_.empty(); }
  [[nodiscard]] bool is_full() const { return held_.size() >= most_; }

  /// Unless it is full.
  void add(Deadline deadline, Item item) {
    const std::uint64_t id = ++last_id_;
    const EventLoop::TimerId timer = loop_.at(deadline.time(), [this, id] {
      if (auto found = take_if([id](const Held& each) { return each.id == id; })) late_(std::move(*found));
    });
    held_.push_back({id, timer, std::move(item)});
  }

  /// The one that has waited longest.
  std::optional<Item> take_first() {
    return take_if([](const Held&) { return true; });
  }
  /// The first of which `is_meant` says so.
  template <class IsMeant>
  std::optional<Item> take(IsMeant is_meant) {
    return take_if([&is_meant](const Held& each) { return is_meant(each.item); });
  }
  /// All, in order; what comes while they are worked on is not among them.
  std::deque<Item> take_all() {
    std::deque<Item> taken;
    while (auto item = take_first())
      taken.push_back(std::move(*item));
    return taken;
  }

 private:
  struct Held {
    std::uint64_t id = 0;
    EventLoop::TimerId timer = 0;
    Item item;
  };

  template <class IsMeant>
  std::optional<Item> take_if(IsMeant is_meant) {
    const auto found = std::find_if(held_.begin(), held_.end(), is_meant);
    if (found == held_.end()) return std::nullopt;
    loop_.cancel(found->timer);
    std::optional<Item> taken(std::move(found->item));
    held_.erase(found);
    return taken;
  }

  EventLoop& loop_;
  const std::size_t most_;
  const std::function<void(Item)> late_;
  std::deque<Held> held_;
  std::uint64_t last_id_ = 0;
};

}  // namespace cleat::common
