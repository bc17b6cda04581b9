#include "stream_entry.hpp"

#include <charconv>

#include "common/json_text.hpp"

namespace cleat::redis {
namespace {

/// "milliseconds-sequence"
std::pair<std::uint64_t, std::uint64_t> numbers_of(std::string_view id) {
  std::pair<std::uint64_t, std::uint64_t> numbers;
  const char* const end = id.data() + id.size();
  const char* const dash = std::from_chars(id.data(), end, numbers.first).ptr;
  if (dash != end) std::from_chars(dash + 1, end, numbers.second);
  return numbers;
}

}  // namespace

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
  const std::uint64_t ms = numbers_of(id).first;
  // Ids may be made up by who adds: one that no clock ever shows says nothing.
  return ms <= UINT64_MAX / kNsPerMs ? ms * kNsPerMs : 0;
}

bool is_before(std::string_view id, std::string_view other) {
  return numbers_of(id) < numbers_of(other);
}

std::string id_before(std::string_view id) {
  auto [ms, sequence] = numbers_of(id);
  if (sequence == 0) --ms;
  return std::to_string(ms) + '-' + std::to_string(sequence - 1);
}

}  // namespace cleat::redis
