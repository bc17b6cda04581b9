#pragma once

#include <cleat/plugin.hpp>

#include <string>

#include "client.hpp"
#include "nats_config.hpp"

namespace cleat::nats {

enum class Kind {
  publish,  ///< the server has to take it
  store,    ///< a stream has to store it
  request   ///< somebody has to answer it
};

/// What a call wants sent.
struct Outgoing {
  Kind kind = Kind::publish;
  std::string subject;
  Headers headers;
  bool has_id = false;  ///< a stream recognizes the message if it comes again
};

/// Reads operation and metadata: `subject` goes before the component's publishSubject, `msgId` becomes Nats-Msg-Id, every
/// other entry a header. Pure. Throws Error for what cannot be sent.
Outgoing read_outgoing(const Request& request, const NatsConfig& config);

}  // namespace cleat::nats
