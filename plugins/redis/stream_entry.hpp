#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::redis {

/// An entry of a stream that is ours for a while.
struct StreamEntry {
  std::string id;
  std::vector<std::pair<std::string, std::string>> fields;
  std::uint32_t delivery_count = 1;  ///< 0: not known
  std::chrono::steady_clock::time_point lease_until;

  [[nodiscard]] std::size_t bytes() const;
};

/// What an application sees of it. Views are into the entry.
struct EntryContent {
  std::string data;
  bool is_json = false;  ///< made here, of all fields
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
  std::string_view traceparent, tracestate, baggage;
};

/// The field `data_field` is the data, bit for bit, and the others are metadata; of two with that name the second is
/// metadata. Without such a field the data is a JSON object of all of them. What continues a trace is metadata too.
EntryContent content_of(const StreamEntry& entry, std::string_view data_field);

/// When an entry was added by what its id says, in nanoseconds of wall time; 0 if it says nothing.
std::uint64_t added_at_ns(std::string_view id);

/// In the order of a stream.
bool is_before(std::string_view id, std::string_view other);
/// The greatest id that is smaller than `id`.
std::string id_before(std::string_view id);

}  // namespace cleat::redis
