#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <optional>
#include <string>

#include "common/azure/account.hpp"

namespace cleat::storagequeues {

struct QueueConfig {
  azure::Account account;
  std::string queue;
  std::string ca;  ///< PEM text
  bool encode_base64 = false, decode_base64 = false;
  std::optional<std::chrono::seconds> ttl;  ///< of a message whose request does not say; nothing: for ever
  std::chrono::seconds initial_delay{0};
  std::chrono::milliseconds polling_interval{10'000};
  std::chrono::seconds visibility{30};
  bool strict_dapr = false;
};

/// Throws Error(CLEAT_INVALID) that names the field, never with a secret.
QueueConfig parse_config(const Config& config);

/// Whole seconds, no fewer than `wanted`.
std::chrono::seconds whole_seconds(std::chrono::nanoseconds wanted);

}  // namespace cleat::storagequeues
