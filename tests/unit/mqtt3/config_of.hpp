#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <utility>
#include <vector>

#include "mqtt_config.hpp"

namespace cleat::mqtt {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Reads metadata in the form that the host gives it, with what every component needs where it is not given.
inline MqttConfig config_of(Pairs metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT,
                            bool strict_dapr = false) {
  std::vector<cleat_kv> items;
  for (const auto& [key, value] : metadata)
    items.push_back({str(key), str(value)});
  const cleat_kv facts[] = {{str("strict-dapr"), str(strict_dapr ? "true" : "false")}};
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.directions = directions;
  raw.metadata = {items.data(), items.size()};
  raw.facts = {facts, 1};
  return read_config(Config(raw));
}

inline Pairs with(Pairs more) {
  Pairs pairs = std::move(more);
  for (const auto& [name, value] :
       Pairs{{"url", "tcp://broker:1883"}, {"topic", "t"}, {"consumerID", "me"}}) {
    bool is_given = false;
    for (const auto& one : pairs)
      is_given = is_given || one.first == name;
    if (!is_given) pairs.emplace_back(name, value);
  }
  return pairs;
}

/// The sentence that it is refused with; empty if it is not.
inline std::string fault_of(const Pairs& metadata) {
  try {
    config_of(metadata);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace cleat::mqtt
