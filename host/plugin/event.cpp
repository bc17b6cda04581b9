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

EventPtr Event::accept(const cleat_event& from) {
  const std::array<cleat_str, kFixedTexts> fixed{from.content_type, from.source_id,  from.key,
                                                 from.traceparent,  from.tracestate, from.baggage};
  const auto count = static_cast<std::uint32_t>(from.metadata.count);
  std::size_t text_bytes = 0;
  for (const cleat_str& text : fixed)
    text_bytes += text.len;
  for (std::uint32_t i = 0; i < count; ++i) {
    text_bytes += from.metadata.items[i].key.len + from.metadata.items[i].value.len;
  }
  const std::size_t table_bytes = (kFixedTexts + 2 * std::size_t{count}) * sizeof(std::uint32_t);

  auto* event = new (::operator new(sizeof(Event) + table_bytes + text_bytes)) Event();
  event->id = from.id;
  event->lane = from.lane;
  event->settle_by_ns = from.settle_by_ns;
  event->first_seen_wall_ns = from.first_seen_wall_ns;
  event->delivery_count = from.delivery_count;
  event->metadata_count_ = count;
  event->weight_ = text_bytes + from.data.len;
  event->data_ = Buffer(from.data);

  auto* ends = reinterpret_cast<std::uint32_t*>(event + 1);
  char* chars = reinterpret_cast<char*>(ends) + table_bytes;
  std::uint32_t written = 0;
  const auto put = [&](const cleat_str& text) {
    if (text.len > 0) std::memcpy(chars + written, text.ptr, text.len);
    written += static_cast<std::uint32_t>(text.len);
    *ends++ = written;
  };
  for (const cleat_str& text : fixed)
    put(text);
  for (std::uint32_t i = 0; i < count; ++i) {
    put(from.metadata.items[i].key);
    put(from.metadata.items[i].value);
  }
  return EventPtr(event);
}

}  // namespace cleat
