#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plugin/event.hpp"

namespace cleat::testing {

struct EventText {
  std::string data, content_type, source_id;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string traceparent;
  std::uint32_t delivery_count = 0;
  std::uint64_t first_seen_wall_ns = 0;
  std::uint64_t settle_by_ns = 0;
  std::uint64_t id = 1;
};

inline cleat_str str(const std::string& text) {
  return {text.data(), text.size()};
}

/// An event as if a plugin had delivered it. The data is copied.
inline EventPtr make_event(const EventText& text) {
  std::vector<cleat_kv> items;
  for (const auto& [key, value] : text.metadata)
    items.push_back({str(key), str(value)});
  auto* data = new std::string(text.data);
  cleat_event raw{};
  raw.struct_size = sizeof raw;
  raw.id = text.id;
  raw.settle_by_ns = text.settle_by_ns;
  raw.delivery_count = text.delivery_count;
  raw.first_seen_wall_ns = text.first_seen_wall_ns;
  raw.data = {data->data(), data->size(), [](void* owner) { delete static_cast<std::string*>(owner); }, data};
  raw.content_type = str(text.content_type);
  raw.source_id = str(text.source_id);
  raw.traceparent = str(text.traceparent);
  raw.metadata = {items.data(), items.size()};
  return Event::accept(raw, Event::text_bytes(raw));
}

}  // namespace cleat::testing
