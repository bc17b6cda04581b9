#include "event_batch.hpp"

#include <algorithm>
#include <utility>

namespace cleat::rabbitmq {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
// A time that is later than the year 2286 is none in seconds.
constexpr std::uint64_t kLatestSecond = 10'000'000'000;

void free_body(void* owner) {
  delete static_cast<std::string*>(owner);
}

}  // namespace

Received::Received(Message&& from, std::chrono::steady_clock::time_point when)
    : message(std::move(from)),
      body(std::make_unique<std::string>(std::move(message.body))),
      since(when),
      delivery_count(delivery_count_of(message)) {}

EventBatch::EventBatch(std::size_t count, bool escape) : escape_(escape) {
  entries_.reserve(count);
  pointers_.reserve(count);
}

void EventBatch::add(Received& received, std::uint64_t id) {
  const Message& message = received.message;
  const Properties& properties = message.properties;
  Entry& entry = entries_.emplace_back();
  cleat_event& event = entry.event;
  entry.metadata = metadata_of(message, escape_);
  entry.items.reserve(entry.metadata.size());
  for (const auto& [key, value] : entry.metadata)
    entry.items.push_back({str(key), str(value)});
  for (const auto& [name, value] : properties.headers) {
    if (name == "traceparent") event.traceparent = str(value);
    if (name == "tracestate") event.tracestate = str(value);
    if (name == "baggage") event.baggage = str(value);
  }
  event.struct_size = sizeof event;
  event.id = id;
  event.data = {received.body->data(), received.body->size(), free_body, received.body.get()};
  event.content_type = str(properties.content_type);
  event.source_id = str(properties.message_id);
  event.metadata = {entry.items.data(), entry.items.size()};
  if (received.delivery_count) {
    event.delivery_count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(*received.delivery_count, 1'000'000) + 1);
  } else if (!message.redelivered) {
    // A classic queue tells the first time from all others, and no more.
    event.delivery_count = 1;
  }
  if (properties.timestamp && *properties.timestamp < kLatestSecond)
    event.first_seen_wall_ns = *properties.timestamp * kNsPerSecond;
  pointers_.push_back(&event);
}

}  // namespace cleat::rabbitmq
