#include "common/kafka/event_batch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

namespace cleat::kafka {
namespace {

constexpr std::size_t kFirstChunk = 32 * 1024;
constexpr std::size_t kUsualEntries = 8;

std::string_view bytes(const void* data, std::size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

void read_headers(rd_kafka_message_t* message, HeaderList& out) {
  out.clear();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    out.emplace_back(name, bytes(value, size));
}

}  // namespace

std::string_view EventMetadata::keep(std::string_view text) {
  if (text.empty()) return {};
  auto* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

std::string_view EventMetadata::number(std::int64_t value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return keep({text.data(), static_cast<std::size_t>(end - text.data())});
}

void EventMetadata::set(std::size_t first, std::string_view name, std::string_view value) {
  const auto same = std::find_if(map_.begin() + static_cast<std::ptrdiff_t>(first), map_.end(),
                                 [&](const cleat_kv& one) { return view(one.key) == name; });
  if (same != map_.end())
    same->value = str(value);
  else
    add(name, value);
}

void trace(std::string_view name, std::string_view value, cleat_event& event) {
  if (name == "traceparent") event.traceparent = str(value);
  if (name == "tracestate") event.tracestate = str(value);
  if (name == "baggage") event.baggage = str(value);
}

EventBatch::EventBatch(Describe describe)
    : describe_(std::move(describe)),
      first_chunk_(kFirstChunk),
      memory_(first_chunk_.data(), first_chunk_.size()) {}

void EventBatch::clear() {
  events_.clear();
  pointers_.clear();
  memory_.release();
}

void EventBatch::read(rd_kafka_message_t* message, EventMetadata& metadata) {
  record_.topic = rd_kafka_topic_name(message->rkt);
  record_.partition = metadata.number(message->partition);
  record_.offset = metadata.number(message->offset);
  record_.key.reset();
  if (message->key != nullptr) record_.key = bytes(message->key, message->key_len);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(message, &type);
  record_.timestamp_ms.reset();
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record_.timestamp_ms = timestamp;
  read_headers(message, record_.headers);
}

void EventBatch::add(rd_kafka_message_t* message, std::uint64_t lane) {
  // Never destroyed: its memory goes with the batch's.
  auto* map = new (memory_.allocate(sizeof(EventMetadata::Map), alignof(EventMetadata::Map)))
      EventMetadata::Map(&memory_);
  map->reserve(kUsualEntries);
  EventMetadata metadata(*map, memory_);
  read(message, metadata);
  cleat_event& event = events_.emplace_back();
  event = {};
  event.struct_size = sizeof event;
  event.lane = lane;
  event.key = str(record_.key.value_or(std::string_view()));
  describe_(record_, metadata, event);
  const std::string_view topic = record_.topic, partition = record_.partition, offset = record_.offset;
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
