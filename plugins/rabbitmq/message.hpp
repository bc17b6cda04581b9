#pragma once

#include <cleat/values.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::rabbitmq {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The properties of a message, with headers as text. An empty text is one that is not there.
struct Properties {
  std::string content_type, content_encoding, message_id, correlation_id, reply_to, expiration, type, user_id,
      app_id;
  std::optional<std::uint8_t> delivery_mode, priority;
  std::optional<std::uint64_t> timestamp;  ///< seconds since 1970
  Pairs headers;
};

/// A message as it came, from a queue or back from an exchange.
struct Message {
  std::string exchange, routing_key;
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  Properties properties;
  std::string body;
};

/// What is to be published, from a request: Dapr's entries become properties, all entries become headers.
/// `data` is the host's until the call is completed.
struct Outgoing {
  std::string exchange, routing_key;
  Properties properties;
  std::string_view body;
};

struct OutgoingDefaults {
  std::string_view exchange, routing_key, content_type;
};

/// Throws Error(CLEAT_INVALID) for a bad time to live or priority.
Outgoing outgoing_of(const Request& request, const OutgoingDefaults& defaults);

/// The metadata of an event: the message's properties under our names, then its headers. With `escape` the
/// names of headers are escaped as in a URL query, as Dapr's component does.
Pairs metadata_of(const Message& message, bool escape);

/// How often a quorum queue gave it out before; nothing if the queue does not say.
std::optional<std::uint64_t> delivery_count_of(const Message& message);

}  // namespace cleat::rabbitmq
