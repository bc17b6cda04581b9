#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <utility>
#include <vector>

#include "kafka_config.hpp"

namespace cleat::kafka {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr int kCurrentClient = 0x020f01ff, kOldClient = 0x020002ff;

/// Reads metadata in the form that the host gives it.
inline KafkaConfig config_of(const Pairs& metadata, int client_version = kCurrentClient,
                             const std::string& app_id = "shop", const std::string& invoke_timeout_ns = "") {
  std::vector<cleat_kv> items;
  for (const auto& [key, value] : metadata)
    items.push_back({str(key), str(value)});
  const cleat_kv facts[] = {{str("app-id"), str(app_id)}, {str("invoke-timeout-ns"), str(invoke_timeout_ns)}};
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.directions = CLEAT_IN | CLEAT_OUT;
  raw.metadata = {items.data(), items.size()};
  raw.facts = {facts, 2};
  return read_config(Config(raw), client_version);
}

}  // namespace cleat::kafka
