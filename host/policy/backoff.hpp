#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "base/loop.hpp"

namespace cleat {

/// How long to wait between attempts: the n-th wait is min(cap, first * factor^n), drawn at random between `low` and `high`
/// times that. The defaults are full jitter with a floor of a tenth, so that no two hosts and no two events march in step
/// and none spins. A factor of 1 with low and high of 1 is a constant wait.
struct Backoff {
  std::uint64_t first_ns = 200 * kMillisecond;
  std::uint64_t cap_ns = 30 * kSecond;
  double factor = 2;
  double low = 0.1, high = 1;

  [[nodiscard]] static constexpr Backoff constant(std::uint64_t wait_ns) {
    return {wait_ns, wait_ns, 1, 1, 1};
  }

  /// `failures`: how many have come in a row, this one included.
  [[nodiscard]] std::uint64_t delay_ns(std::uint32_t failures, std::minstd_rand& random) const {
    const auto cap = static_cast<double>(cap_ns);
    double wait = static_cast<double>(first_ns);
    for (std::uint32_t i = 1; i < failures && wait < cap && factor > 1; ++i)
      wait *= factor;
    wait = std::min(wait, cap);
    if (low == high) return static_cast<std::uint64_t>(wait * low);
    return static_cast<std::uint64_t>(wait * std::uniform_real_distribution<double>(low, high)(random));
  }
};

}  // namespace cleat
