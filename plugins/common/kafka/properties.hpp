#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/kafka/settings.hpp"

namespace cleat::kafka {

struct Property {
  std::string name, value;
  bool optional = false;  ///< an older librdkafka does not know it and does without
};
using Properties = std::vector<Property>;

/// The configuration of a librdkafka consumer or producer. Pure. `client_version` as in read_config().
Properties consumer_properties(const Settings& config, int client_version);
Properties producer_properties(const Settings& config);

}  // namespace cleat::kafka
