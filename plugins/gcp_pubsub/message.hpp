#pragma once

#include <cleat/values.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/json_value.hpp"
#include "pubsub_config.hpp"

namespace cleat::pubsub {

/// Most that one request may hold: messages, and bytes as the service counts them.
constexpr std::size_t kMostMessages = 1000;
constexpr std::size_t kMostBytes = 10'000'000;

/// One message on its way to a topic.
struct Outgoing {
  std::string topic;      ///< full name
  std::string key;        ///< ordering key; empty: none
  std::string json;       ///< as a value of `messages`
  std::size_t bytes = 0;  ///< as the service counts them
};

/// Throws Error for what Pub/Sub cannot carry.
Outgoing outgoing_of(const Request& request, const PubSubConfig& config);

/// One message of an answer to a pull.
struct Incoming {
  std::string id, ack_id, body, key;
  std::uint32_t delivery_attempt = 0;  ///< 0: not said
  std::string content_type, traceparent, tracestate, baggage;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The messages in `answer`. Those without an id to acknowledge them by are left out.
std::vector<Incoming> incoming_of(const common::JsonValue& answer);

/// "2026-11-28T19:03:06.050Z" as Go prints it: "2026-11-28 19:03:06.05 +0000 UTC". What is no such time stays as it is.
std::string go_time(std::string_view text);

}  // namespace cleat::pubsub
