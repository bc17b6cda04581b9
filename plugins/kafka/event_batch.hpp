#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <deque>
#include <memory_resource>
#include <vector>

#include "client.hpp"
#include "header_filter.hpp"

namespace cleat::kafka {

/// Records on their way to deliver(): events whose payload, key and headers point into librdkafka's own
/// buffers, and whose few made texts live here. Reused from batch to batch; one thread.
class EventBatch {
 public:
  EventBatch(std::string exclude_headers, bool escape_headers);

  /// Begins an empty batch; what the last one pointed to is gone.
  void clear();
  /// Adds a record as an event of this lane; its id is set later. Metadata as Dapr's component gives it:
  /// __key, __offset,
  /// __partition, __topic, __timestamp, then the record's headers, of equal names the last one. A header
  /// named like one of the five comes after it: the host keeps the first. The message stays the caller's.
  void add(rd_kafka_message_t* message, std::uint64_t lane);
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  [[nodiscard]] cleat_event& event(std::size_t index) { return events_[index]; }
  /// What deliver() takes. Valid until add() or clear().
  [[nodiscard]] cleat_event* const* pointers(std::size_t first);

 private:
  using Map = std::pmr::vector<cleat_kv>;
  std::string_view keep(std::string_view text);
  std::string_view number(std::int64_t value);
  void add_own(rd_kafka_message_t* message, Map& map);
  void add_headers(rd_kafka_message_t* message, cleat_event& event, Map& map);

  HeaderFilter filter_;
  bool escape_;
  std::vector<std::byte> first_chunk_;
  std::pmr::monotonic_buffer_resource memory_;
  std::deque<cleat_event> events_;
  std::vector<cleat_event*> pointers_;
};

}  // namespace cleat::kafka
