#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include "common/google/credentials.hpp"

namespace cleat::pubsub {

struct PubSubConfig {
  google::Place place;
  std::string ca;  ///< PEM text; empty: the system's
  std::string project;
  std::string topic;         ///< "projects/P/topics/T"; empty: requests have to name one
  std::string subscription;  ///< "projects/P/subscriptions/S"; empty: nothing is read
  std::string ordering_key;  ///< of messages whose request names none
  std::chrono::milliseconds linger{5};
  std::chrono::seconds ack_deadline{0};  ///< 0: the subscription's own
  bool wants_dead_letters = false;       ///< what is given up is to be put aside by the subscription
};

/// Throws Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) that names the field, never with a secret.
PubSubConfig parse_config(const Config& config);

/// The full name of what `name` means in `project`: a name, or the full one already. `field` names it in the
/// Error(CLEAT_INVALID) that is thrown for what is neither; `collection` is "topics" or "subscriptions".
std::string full_name(std::string_view name, std::string_view collection, const std::string& project,
                      const std::string& field);

}  // namespace cleat::pubsub
