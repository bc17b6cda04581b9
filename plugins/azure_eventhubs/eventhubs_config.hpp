#pragma once

#include <cleat/plugin.hpp>

#include <optional>
#include <string>

#include "checkpoint_store.hpp"
#include "common/azure/token_settings.hpp"
#include "common/kafka/settings.hpp"

namespace cleat::eventhubs {

/// A component's metadata as values. Names and defaults as in manifest.json.
struct EventHubsConfig : kafka::Settings {
  std::string namespace_host;                  ///< "shop.servicebus.windows.net"
  std::optional<azure::TokenSettings> login;   ///< without it the connection string is the password
  std::optional<CheckpointPlace> checkpoints;  ///< of readers over AMQP, if a storage account is given
  bool all_properties = false;
};

/// Reads and checks a component's metadata. Pure but for the environment. Throws Error with one sentence; where Dapr's
/// component has a text for the fault, it is that or begins with it. No text holds a key.
EventHubsConfig read_config(const Config& config, const azure::Environment& from = azure::environment);

}  // namespace cleat::eventhubs
