#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "client.hpp"

namespace cleat::nats {

/// Which message of a stream: a number is used again when a stream of the same name is made anew.
struct Key {
  std::uint64_t sequence = 0;
  std::int64_t stored_ns = 0;
  auto operator<=>(const Key&) const = default;
};

/// A message on its way through this component.
struct Item {
  std::shared_ptr<natsMsg> message;              ///< of a stream's: until the host has it
  std::string ack;                               ///< the subject to acknowledge at; empty without JetStream
  Key key;                                       ///< likewise
  std::chrono::steady_clock::time_point leased;  ///< since when it is ours for the time of ackWait
  bool is_withdrawn = false;
  bool is_orphan =
      false;  ///< its stream is gone: its place may be that of another message, and nothing is sent there
};

/// An item that the host has settled.
struct Settled {
  Item item;
  std::int32_t verdict = CLEAT_REQUEUE;
  std::uint32_t after_ms = 0;
  bool may_still_run = false;
};

}  // namespace cleat::nats
