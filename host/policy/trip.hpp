#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.hpp"

namespace cleat {

/// What a circuit breaker counts, under the names that Dapr's `trip` uses.
struct BreakerCounts {
  std::uint32_t requests = 0, total_successes = 0, total_failures = 0, consecutive_successes = 0,
                consecutive_failures = 0;
};

/// A condition over the counts: comparisons (== != < <= > >=) of whole numbers and the five counters requests,
/// totalSuccesses, totalFailures, consecutiveSuccesses, consecutiveFailures, joined by && || ! and parentheses.
class Trip {
 public:
  /// consecutiveFailures > 5, as in Dapr.
  Trip();
  /// The error says at which character, what was expected and what was found; what CEL offers beyond this is named as such.
  static Result<Trip> parse(std::string_view text);

  [[nodiscard]] bool holds(const BreakerCounts& counts) const;

  struct Node;

 private:
  explicit Trip(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace cleat
