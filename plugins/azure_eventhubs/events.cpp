#include "events.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "amqp_value.hpp"
#include "common/text.hpp"

namespace cleat::eventhubs {
namespace {

constexpr std::array<std::string_view, 3> kTrace{"traceparent", "tracestate", "baggage"};
constexpr std::string_view kPartitionKey = "x-opt-partition-key", kContentType = "content-type";
/// That an event has whatever getAllMessageProperties says.
constexpr std::array<std::string_view, 6> kSystem{
    "message-id",
    "iothub-connection-device-id",
    "iothub-connection-auth-generation-id",
    "iothub-connection-auth-method",
    "iothub-connection-module-id",
    "iothub-enqueuedtime",
};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Text that happens to be a whole AMQP value too, as "abc", which is a short integer, is left alone unless another value
/// shows that the event came by AMQP.
std::string_view decoded(std::string_view value, bool is_amqp, kafka::EventMetadata& metadata) {
  if (!is_amqp && is_plain_text(value)) return value;
  const auto text = decode_amqp(value);
  return text ? metadata.keep(*text) : value;
}

}  // namespace

kafka::Record read_record(const Request& request) {
  const cleat_map& map = request.raw().metadata;
  kafka::Record record;
  record.value = request.data();
  for (std::size_t i = 0; i < map.count; ++i) {
    const std::string_view name = view(map.items[i].key), value = view(map.items[i].value);
    if (name == "partitionKey" && !value.empty()) record.key = value;
    if (common::equal_ignoring_case(name, "contentType") && !value.empty())
      record.headers.emplace_back(kContentType, value);
    if (is_one_of(name, kTrace)) record.headers.emplace_back(name, value);
  }
  return record;
}

void describe_event(const kafka::ReadRecord& record, bool all_properties, kafka::EventMetadata& metadata,
                    cleat_event& event) {
  metadata.add("x-opt-sequence-number", record.offset);
  if (record.timestamp_ms) metadata.add("x-opt-enqueued-time", metadata.keep(rfc3339(*record.timestamp_ms)));
  metadata.add("x-opt-partition-id", record.partition);
  const std::size_t first = metadata.size();
  const bool is_amqp = std::any_of(record.headers.begin(), record.headers.end(),
                                   [](const auto& header) { return is_surely_amqp(header.second); });
  bool has_partition_key = false;
  for (const auto& [name, value] : record.headers) {
    const bool is_partition_key = name == kPartitionKey;
    has_partition_key = has_partition_key || is_partition_key;
    const std::string_view shown = decoded(value, is_amqp, metadata);
    kafka::trace(name, shown, event);
    if (name == kContentType) event.content_type = str(shown);
    if (all_properties || is_partition_key || is_one_of(name, kSystem)) metadata.set(first, name, shown);
  }
  if (!has_partition_key && record.key) metadata.add(kPartitionKey, *record.key);
}

}  // namespace cleat::eventhubs
