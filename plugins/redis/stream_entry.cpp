#include "stream_entry.hpp"

#include <charconv>

#include "common/json_text.hpp"

namespace cleat::redis {

std::size_t StreamEntry::bytes() const {
  std::size_t sum = id.size();
  for (const auto& [name, value] : fields)
    sum += name.size() + value.size();
  return sum;
}

EntryContent content_of(const StreamEntry& entry, std::string_view data_field) {
  EntryContent content;
  bool has_data = false;
  for (const auto& [name, value] : entry.fields) {
    if (!has_data && name == data_field) {
      content.data = value;
      has_data = true;
      continue;
    }
    if (name == "traceparent") content.traceparent = value;
    if (name == "tracestate") content.tracestate = value;
    if (name == "baggage") content.baggage = value;
    content.metadata.emplace_back(name, value);
  }
  if (has_data) return content;
  content.is_json = true;
  content.data = "{";
  for (const auto& [name, value] : entry.fields) {
    if (content.data.size() > 1) content.data += ',';
    common::append_json_string(content.data, name);
    content.data += ':';
    common::append_json_string(content.data, value);
  }
  content.data += '}';
  return content;
}

std::uint64_t added_at_ns(std::string_view id) {
  constexpr std::uint64_t kNsPerMs = 1'000'000;
  std::uint64_t ms = 0;
  std::from_chars(id.data(), id.data() + id.size(), ms);
  // Ids may be made up by who adds: one that no clock ever shows says nothing.
  return ms <= UINT64_MAX / kNsPerMs ? ms * kNsPerMs : 0;
}

}  // namespace cleat::redis
