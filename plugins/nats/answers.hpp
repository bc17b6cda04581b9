#pragma once

#include <cleat/plugin.hpp>

#include <string>

#include "client.hpp"
#include "outgoing.hpp"
#include "wire.hpp"

namespace cleat::nats {

/// Why a call failed, for Call::fail().
struct CallFailure {
  cleat_status status = CLEAT_INTERNAL;
  std::string text;
  std::uint32_t flags = 0;
  std::int64_t native = 0;
};

/// What was to be sent and certainly was not.
CallFailure not_sent(cleat_status status, const std::string& why);
/// It was sent, and nobody knows what became of it: `why` is said first.
CallFailure unknown_outcome(cleat_status status, const std::string& why, const Outgoing& message);
/// A stream's refusal.
CallFailure refused_by_stream(const PubAck& ack, const std::string& subject);
/// Nobody listens on the subject.
CallFailure no_responders(const Outgoing& message);

/// Completes a call with the answer that came for its message.
void complete_with(Call& call, const Outgoing& message, Message answer);

}  // namespace cleat::nats
