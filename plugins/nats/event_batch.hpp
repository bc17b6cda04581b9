#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "client.hpp"
#include "item.hpp"

namespace cleat::nats {

/// Items on their way to deliver(), as events whose data points into the library's messages. One thread.
class EventBatch {
 public:
  void clear();
  /// Adds an event with this id. Its data is lent: it keeps the message alive until the host releases it.
  void add(const Item& item, std::uint64_t id);
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  [[nodiscard]] cleat_event& event(std::size_t index) { return events_[index].event; }
  /// What deliver() takes. Valid until add() or clear().
  [[nodiscard]] cleat_event* const* pointers();

 private:
  struct Event {
    cleat_event event{};
    Headers headers;
    std::array<std::string, 6> own;
    std::vector<cleat_kv> metadata;
  };
  static void add_own(const Item& item, Event& made);

  std::deque<Event> events_;
  std::vector<cleat_event*> pointers_;
};

}  // namespace cleat::nats
