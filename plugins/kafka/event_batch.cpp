#include "event_batch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>

namespace cleat::kafka {
namespace {

constexpr std::size_t kFirstChunk = 32 * 1024;
constexpr std::size_t kOwnEntries = 5;

std::string_view bytes(const void* data, std::size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

EventBatch::EventBatch(std::string exclude_headers, bool escape_headers)
    : filter_(exclude_headers),
      escape_(escape_headers),
      first_chunk_(kFirstChunk),
      memory_(first_chunk_.data(), first_chunk_.size()) {}

void EventBatch::clear() {
  events_.clear();
  pointers_.clear();
  memory_.release();
}

std::string_view EventBatch::keep(std::string_view text) {
  if (text.empty()) return {};
  auto* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

std::string_view EventBatch::number(std::int64_t value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return keep({text.data(), static_cast<std::size_t>(end - text.data())});
}

void EventBatch::add_own(rd_kafka_message_t* message, Map& map) {
  if (message->key != nullptr) {
    const std::string_view key = bytes(message->key, message->key_len);
    map.push_back({str("__key"), str(escape_ ? keep(query_escape(key)) : key)});
  }
  map.push_back({str("__offset"), str(number(message->offset))});
  map.push_back({str("__partition"), str(number(message->partition))});
  map.push_back({str("__topic"), str(rd_kafka_topic_name(message->rkt))});
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) map.push_back({str("__timestamp"), str(number(timestamp))});
}

void EventBatch::add_headers(rd_kafka_message_t* message, cleat_event& event, Map& map) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const std::size_t first = map.size();
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    if (filter_.excludes(name)) continue;
    const std::string_view raw = bytes(value, size);
    if (std::strcmp(name, "traceparent") == 0) event.traceparent = str(raw);
    if (std::strcmp(name, "tracestate") == 0) event.tracestate = str(raw);
    if (std::strcmp(name, "baggage") == 0) event.baggage = str(raw);
    const std::string_view shown = escape_ ? keep(query_escape(raw)) : raw;
    const std::string_view key = escape_ ? keep(query_escape(name)) : std::string_view(name);
    const auto same = std::find_if(map.begin() + static_cast<std::ptrdiff_t>(first), map.end(),
                                   [&](const cleat_kv& one) { return view(one.key) == key; });
    if (same != map.end())
      same->value = str(shown);
    else
      map.push_back({str(key), str(shown)});
  }
}

void EventBatch::add(rd_kafka_message_t* message, std::uint64_t lane) {
  // Never destroyed: its memory goes with the batch's.
  auto* map = new (memory_.allocate(sizeof(Map), alignof(Map))) Map(&memory_);
  map->reserve(kOwnEntries + 3);
  cleat_event& event = events_.emplace_back();
  event = {};
  event.struct_size = sizeof event;
  event.lane = lane;
  event.key = str(bytes(message->key, message->key_len));
  add_own(message, *map);
  add_headers(message, event, *map);
  const std::string_view offset = view((*map)[message->key != nullptr ? 1 : 0].value);
  const std::string_view partition = view((*map)[message->key != nullptr ? 2 : 1].value);
  const std::string_view topic = rd_kafka_topic_name(message->rkt);
  const std::size_t size = topic.size() + partition.size() + offset.size() + 2;
  auto* id = static_cast<char*>(memory_.allocate(size, 1));
  char* end = std::copy(topic.begin(), topic.end(), id);
  *end++ = '/';
  end = std::copy(partition.begin(), partition.end(), end);
  *end++ = '@';
  std::copy(offset.begin(), offset.end(), end);
  event.source_id = {id, size};
  event.metadata = {map->data(), map->size()};
}

cleat_event* const* EventBatch::pointers(std::size_t first) {
  pointers_.clear();
  for (std::size_t i = first; i < events_.size(); ++i)
    pointers_.push_back(&events_[i]);
  return pointers_.data();
}

}  // namespace cleat::kafka
