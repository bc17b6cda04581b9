#include "records.hpp"

#include <charconv>
#include <string>

namespace cleat::kafka {
namespace {

/// Exactly this name: Dapr's component reads a map with case-sensitive keys.
std::optional<std::string_view> exact(const cleat_map& map, std::string_view name) {
  for (std::size_t i = 0; i < map.count; ++i) {
    if (view(map.items[i].key) == name) return view(map.items[i].value);
  }
  return std::nullopt;
}

std::int32_t partition_number(std::string_view text) {
  const auto refuse = [&](const char* why) {
    const std::string found(text);
    throw Error(CLEAT_INVALID, "invalid partitionNumber metadata value \"" + found +
                                   "\": strconv.ParseInt: parsing \"" + found + "\": " + why);
  };
  std::string_view digits = text;
  if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
  const bool double_sign = digits.size() < text.size() && !digits.empty() && digits.front() == '-';
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (double_sign || error == std::errc::invalid_argument || end != digits.data() + digits.size())
    refuse("invalid syntax");
  if (error != std::errc()) refuse("value out of range");
  if (number < 0)
    throw Error(CLEAT_INVALID, "partitionNumber must be non-negative, got " + std::to_string(number));
  return number;
}

void check_schema(const cleat_map& map) {
  const std::optional<std::string_view> given = exact(map, "valueSchemaType");
  if (!given) return;
  const auto is = [&](std::string_view word) {
    if (given->size() != word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (((*given)[i] | 0x20) != word[i]) return false;
    }
    return true;
  };
  if (is("avro"))
    throw Error(
        CLEAT_UNSUPPORTED,
        "valueSchemaType avro is not served yet: this plugin has no schema registry; send the record's bytes "
        "without valueSchemaType");
  if (!is("none") && !given->empty())
    throw Error(CLEAT_INVALID,
                "error parsing schema type. '" + std::string(*given) + "' is not a supported value");
}

std::optional<std::string_view> record_key(const cleat_map& map, bool strict_dapr) {
  if (const auto key = exact(map, "partitionKey")) return key;
  if (const auto key = exact(map, "__key")) return key;
  return strict_dapr ? std::nullopt : exact(map, "key");
}

}  // namespace

Record read_record(const Request& request, bool strict_dapr, HeaderFilter& filter) {
  const cleat_request& raw = request.raw();
  Record record;
  check_schema(raw.metadata);
  record.key = record_key(raw.metadata, strict_dapr);
  if (const auto number = exact(raw.metadata, "partitionNumber"))
    record.partition = partition_number(*number);
  const bool tombstone = raw.data == nullptr || request.data() == "null";
  if (!tombstone) record.value = request.data();
  for (std::size_t i = 0; i < raw.metadata.count; ++i) {
    const std::string_view name = view(raw.metadata.items[i].key);
    if (!filter.excludes(name)) record.headers.emplace_back(name, view(raw.metadata.items[i].value));
  }
  return record;
}

void describe_record(const ReadRecord& record, bool escape, HeaderFilter& filter, EventMetadata& metadata,
                     cleat_event& event) {
  const auto shown = [&](std::string_view text) { return escape ? metadata.keep(query_escape(text)) : text; };
  if (record.key) metadata.add("__key", shown(*record.key));
  metadata.add("__offset", record.offset);
  metadata.add("__partition", record.partition);
  metadata.add("__topic", record.topic);
  if (record.timestamp_ms) metadata.add("__timestamp", metadata.number(*record.timestamp_ms));
  const std::size_t first = metadata.size();
  for (const auto& [name, value] : record.headers) {
    if (filter.excludes(name)) continue;
    trace(name, value, event);
    metadata.set(first, name, shown(value));
  }
}

}  // namespace cleat::kafka
