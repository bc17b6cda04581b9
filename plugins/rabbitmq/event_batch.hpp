#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "message.hpp"

namespace cleat::rabbitmq {

/// A message that waits to be delivered.
struct Received {
  Received(Message&& from, std::chrono::steady_clock::time_point when);

  Message message;                    ///< without its body
  std::unique_ptr<std::string> body;  ///< its owner becomes the host with the event
  std::chrono::steady_clock::time_point since;
  std::optional<std::uint64_t> delivery_count;  ///< how often a quorum queue gave it out before
};

/// Events for one call of deliver(), with what they point to.
class EventBatch {
 public:
  /// With `escape` the names of headers are escaped as Dapr's component does.
  EventBatch(std::size_t count, bool escape);
  EventBatch(const EventBatch&) = delete;
  EventBatch& operator=(const EventBatch&) = delete;

  /// `received` stays where it is until the batch was delivered.
  void add(Received& received, std::uint64_t id);
  [[nodiscard]] cleat_event* const* events() const { return pointers_.data(); }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(pointers_.size()); }

 private:
  struct Entry {
    cleat_event event{};
    Pairs metadata;
    std::vector<cleat_kv> items;
  };

  bool escape_;
  std::vector<Entry> entries_;
  std::vector<cleat_event*> pointers_;
};

}  // namespace cleat::rabbitmq
