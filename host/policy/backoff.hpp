#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "base/loop.hpp"

namespace cleat {

/// Exponential back-off with full jitter: attempt n waits a random time up to min(cap, first * 2^n), but never less than a
/// tenth of it, so that no two hosts and no two events march in step and none spins.
struct Backoff {
  std::uint64_t first_ns = 200 * kMillisecond;
  std::uint64_t cap_ns = 30 * kSecond;

  /// `failures`: how many have come in a row, this one included.
  [[nodiscard]] std::uint64_t delay_ns(std::uint32_t failures, std::minstd_rand& random) const {
    const std::uint32_t doublings = std::min<std::uint32_t>(failures == 0 ? 0 : failures - 1, 30);
    const std::uint64_t most = std::min(cap_ns, first_ns << doublings);
    return std::uniform_int_distribution<std::uint64_t>(most / 10, most)(random);
  }
};

}  // namespace cleat
