#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "base/text.hpp"

namespace cleat {

/// Which events of a component wait for each other.
enum class Ordering : std::uint8_t {
  none,       ///< none
  key,        ///< those of one key
  partition,  ///< those of one lane of the source
  strict      ///< all
};

/// What becomes of an event whose attempts are used up.
enum class OnExhausted : std::uint8_t { block, dead_letter, drop };

/// What a component's own fields say about the delivery of its events. The defaults are the host's.
struct DeliveryFields {
  Ordering ordering = Ordering::partition;
  std::uint32_t max_in_flight = 64;  ///< attempts that run
  std::uint32_t max_held = 1'000;    ///< failed events that the window is raised by at most
  std::uint64_t max_held_bytes = 64ULL << 20;
  std::uint64_t handler_timeout_ns = 0;  ///< of one attempt; 0: as long as it takes
  std::uint32_t batch_max = 0;           ///< events in one request; below 2: one by one
  std::uint64_t batch_linger_ns = 0;     ///< how long the first event of a batch waits for others

  std::uint32_t max_attempts = 0;    ///< 0: no limit
  std::uint64_t max_elapsed_ns = 0;  ///< 0: no limit
  std::string retry_policy;          ///< name of a retry policy in a Resiliency file
  std::uint64_t max_retry_after_ns = 60 * kSecond;
  OnExhausted on_exhausted = OnExhausted::block;

  std::string dead_letter;  ///< an output component, or "broker"; empty: none
  std::string dead_letter_operation = "create";
  Pairs dead_letter_metadata;  ///< templates over {id} {component} {key} {lane} {attempts}
  std::uint32_t dead_letter_burst = 100;
  bool envelope_only_when_too_large = false;  ///< `deadLetterTooLarge: envelope-only`

  std::string delivery_status;  ///< "400-499:dead-letter, 409:ack"
  bool delivery_reply = false;  ///< `deliveryReply: status`
  bool reply_outputs = false;   ///< `replyOutputs: after-ack`
  std::vector<std::string> reply_outputs_allowed;
};

}  // namespace cleat
