#pragma once

#include <cleat/values.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace cleat::common {

/// CLOCK_MONOTONIC in nanoseconds.
inline std::uint64_t ns_of(std::chrono::steady_clock::time_point at) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(at.time_since_epoch()).count());
}

/// CLOCK_MONOTONIC, `wait` from now.
inline std::uint64_t ns_after(std::chrono::nanoseconds wait) {
  return ns_of(std::chrono::steady_clock::now() + wait);
}

/// For the settlements of a stop: three quarters of what is left of its time, so that there is some for the rest.
inline Deadline for_settling(Deadline stop) {
  const auto now = std::chrono::steady_clock::now();
  const auto left = std::max<std::chrono::nanoseconds>(stop.time() - now, std::chrono::nanoseconds(0));
  return {ns_of(now + left * 3 / 4)};
}

}  // namespace cleat::common
