#pragma once

#include <cleat/plugin.hpp>

#include <string>

#include "common/kafka/settings.hpp"

namespace cleat::kafka {

/// A component's metadata as values. Names and defaults as in manifest.json.
struct KafkaConfig : Settings {
  std::string exclude_headers;
  bool escape_headers = false;
  bool strict_dapr = false;
};

/// Reads and checks a component's metadata. Pure. `client_version` is rd_kafka_version()'s number. Throws
/// Error with one sentence; where Dapr's component has a text for the fault, it begins with that.
KafkaConfig read_config(const Config& config, int client_version);

}  // namespace cleat::kafka
