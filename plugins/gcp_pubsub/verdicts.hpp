#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service.hpp"

namespace cleat::pubsub {

/// What became of one message that was to be acknowledged, or whose deadline was to be changed.
enum class Verdict {
  done,   ///< the service said so
  again,  ///< it did not, and may yet
  alone,  ///< one of several that were refused together: whose fault it was shows when each is asked for by itself
  refused,  ///< it never will
};

/// Of each of `ack_ids`, in their order. A good answer confirms all; an error names those that failed for good or for now, if
/// the subscription delivers exactly once, and says nothing certain of the others.
std::vector<Verdict> verdicts_of(const Service::Answer& answer, const std::vector<std::string>& ack_ids);

}  // namespace cleat::pubsub
