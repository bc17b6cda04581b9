#include "plugin/event.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

namespace cleat {

void Event::Free::operator()(Event* event) const {
  event->~Event();
  ::operator delete(event);
}

std::array<cleat_str, Event::kFixedTexts> Event::fixed_texts(const cleat_event& from) {
  return {from.content_type, from.source_id, from.key, from.traceparent, from.tracestate, from.baggage};
}

std::size_t Event::text_bytes(const cleat_event& from) {
  std::size_t bytes = 0;
  for (const cleat_str& text : fixed_texts(from))
    bytes += text.len;
  for (std::size_t i = 0; i < from.metadata.count; ++i) {
    bytes += from.metadata.items[i].key.len + from.metadata.items[i].value.len;
  }
  return bytes;
}

EventPtr Event::accept(const cleat_event& from, std::size_t text) {
  const auto count = static_cast<std::uint32_t>(from.metadata.count);
  const std::size_t table_bytes = (1 + kFixedTexts + 2 * std::size_t{count}) * sizeof(std::uint32_t);

  auto* event = new (::operator new(sizeof(Event) + table_bytes + text)) Event();
  event->id = from.id;
  event->lane = from.lane;
  event->settle_by_ns = from.settle_by_ns;
  event->first_seen_wall_ns = from.first_seen_wall_ns;
  event->delivery_count = from.delivery_count;
  event->data_ = Buffer(from.data);

  auto* ends = reinterpret_cast<std::uint32_t*>(event + 1);
  char* chars = reinterpret_cast<char*>(ends) + table_bytes;
  *ends++ = count;
  std::uint32_t written = 0;
  const auto put = [&](const cleat_str& one) {
    if (one.len > 0) std::memcpy(chars + written, one.ptr, one.len);
    written += static_cast<std::uint32_t>(one.len);
    *ends++ = written;
  };
  for (const cleat_str& one : fixed_texts(from))
    put(one);
  for (std::uint32_t i = 0; i < count; ++i) {
    put(from.metadata.items[i].key);
    put(from.metadata.items[i].value);
  }
  return EventPtr(event);
}

}  // namespace cleat
