#pragma once

#include <cleat/plugin.hpp>

#include <memory>
#include <string>
#include <vector>

#include "message.hpp"

namespace cleat::mqtt {

/// An event that shows a message to the host, with the texts that it points to. The payload is the message's own, which lives as
/// long as the event's data.
class Event {
 public:
  Event(MessagePtr message, std::uint64_t id, std::string name);
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  [[nodiscard]] cleat_event* raw() { return &raw_; }
  /// The host did not take it: its data stays ours.
  void take_back() { const Buffer dropped(raw_.data); }

 private:
  void add(std::string_view name, std::string_view value) { map_.push_back({str(name), str(value)}); }

  MessagePtr message_;
  std::string name_, correlation_, expiry_;
  std::vector<cleat_kv> map_;
  cleat_event raw_{};
};

}  // namespace cleat::mqtt
