#pragma once

#include <chrono>
#include <cstdint>

namespace cleat::mqtt {

/// A moment of the host's clock, and some time after it.
inline std::uint64_t later(std::uint64_t now_ns, std::chrono::nanoseconds by) {
  return now_ns + static_cast<std::uint64_t>(by.count());
}

}  // namespace cleat::mqtt
