#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "common/kafka/client.hpp"
#include "common/kafka/record.hpp"

namespace cleat::kafka {

/// The metadata of an event that is being made, and memory for its texts. Gone with the batch.
class EventMetadata {
 public:
  using Map = std::pmr::vector<cleat_kv>;
  EventMetadata(Map& map, std::pmr::memory_resource& memory) : map_(map), memory_(memory) {}

  /// A copy that lives as long as the event.
  std::string_view keep(std::string_view text);
  std::string_view number(std::int64_t value);
  /// Appends an entry; of equal names the host keeps the first. Neither text is copied.
  void add(std::string_view name, std::string_view value) { map_.push_back({str(name), str(value)}); }
  /// Replaces the value of an entry from index `first` on, or appends.
  void set(std::size_t first, std::string_view name, std::string_view value);
  [[nodiscard]] std::size_t size() const { return map_.size(); }

 private:
  Map& map_;
  std::pmr::memory_resource& memory_;
};

/// A binding's names for what a record carries: fills in the metadata, and the event's trace context by trace(). Called
/// on the consumer's thread.
using Describe = std::function<void(const ReadRecord&, EventMetadata&, cleat_event&)>;

/// Takes over the trace context if the header is one of its three.
void trace(std::string_view name, std::string_view value, cleat_event& event);

/// Records on their way to deliver(): events whose payload, key and headers point into librdkafka's own
/// buffers, and whose few made texts live here. Reused from batch to batch; one thread.
class EventBatch {
 public:
  explicit EventBatch(Describe describe);

  /// Begins an empty batch; what the last one pointed to is gone.
  void clear();
  /// Adds a record as an event of this lane; its id is set later. The message stays the caller's.
  void add(rd_kafka_message_t* message, std::uint64_t lane);
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  [[nodiscard]] cleat_event& event(std::size_t index) { return events_[index]; }
  /// What deliver() takes. Valid until add() or clear().
  [[nodiscard]] cleat_event* const* pointers(std::size_t first);

 private:
  void read(rd_kafka_message_t* message, EventMetadata& metadata);

  Describe describe_;
  std::vector<std::byte> first_chunk_;
  std::pmr::monotonic_buffer_resource memory_;
  ReadRecord record_;
  std::deque<cleat_event> events_;
  std::vector<cleat_event*> pointers_;
};

}  // namespace cleat::kafka
