#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/backoff.hpp"
#include "policy/breaker.hpp"
#include "policy/code_set.hpp"

namespace cleat {

/// When a failed attempt is followed by another.
struct RetryPolicy {
  std::string name;  ///< of a Resiliency file; empty: the host's own
  Backoff wait;
  std::uint32_t max_attempts = 0;  ///< the first one included; 0: no limit
  std::uint64_t max_elapsed_ns =
      0;  ///< from the first attempt on, after which no further one begins; 0: no limit
  /// `matching`: only these are followed by another attempt; a code of the other protocol does not matter. Not given: all.
  std::optional<CodeSet> http_codes, grpc_codes;
};

/// What a Resiliency file, or a component's own fields, ask for one direction of one component.
struct Policy {
  std::uint64_t timeout_ns = 0;  ///< of each attempt, its body included; 0: none
  std::optional<RetryPolicy> retry;
  std::optional<BreakerSettings> breaker;

  [[nodiscard]] bool is_empty() const { return timeout_ns == 0 && !retry && !breaker; }
};

enum class Direction : std::uint8_t { inbound, outbound };

/// The policies of all Resiliency files, names resolved. Filled by the room that reads the files.
struct Policies {
  struct Target {
    Policy inbound, outbound;
  };

  /// As dapr-runtime.md §7.3: the component's own target entry if there is one, even if it fills the other direction only;
  /// otherwise, separately for timeout, retry and breaker, the first of DefaultBindingComponentInboundRetryPolicy,
  /// DefaultComponentInboundRetryPolicy, DefaultComponentRetryPolicy, DefaultRetryPolicy that is defined.
  [[nodiscard]] Policy find(std::string_view component, Direction direction) const;
  /// nullptr: no such retry policy.
  [[nodiscard]] const RetryPolicy* find_retry(std::string_view name) const;

  std::vector<std::string>
      documents;  ///< names of the Resiliency documents that were read, for the metadata endpoint
  std::map<std::string, std::uint64_t, std::less<>> timeouts;
  std::map<std::string, RetryPolicy, std::less<>> retries;
  std::map<std::string, BreakerSettings, std::less<>> breakers;
  std::map<std::string, Target, std::less<>> targets;
};

}  // namespace cleat
