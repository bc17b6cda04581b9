#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "config/resiliency_place.hpp"
#include "config/yaml.hpp"
#include "policy/policy.hpp"

namespace cleat {

// The three kinds of policies of a Resiliency document, with daprd's defaults. An error has file and line.

/// A Go duration or whole milliseconds, in nanoseconds; 0: no timeout.
Result<std::uint64_t> read_timeout(const std::string& name, const YamlNode& node,
                                   const ResiliencyPlace& place);

/// Unlike in daprd, an exponential policy without a limit goes on after 15 minutes.
Result<RetryPolicy> read_retry(const std::string& name, const YamlNode& node, const ResiliencyPlace& place);

/// As in daprd, a maxRequests of 0 means 1 and a timeout of 0 the default. Unlike in daprd, a condition that
/// could never hold because of a slip is an error.
Result<BreakerSettings> read_breaker(const std::string& name, const YamlNode& node,
                                     const ResiliencyPlace& place);

}  // namespace cleat
