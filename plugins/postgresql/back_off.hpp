#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace cleat::postgresql {

/// Waits between attempts to connect: 0.1 s to 3 s, doubled each time, half of it by chance.
class BackOff {
 public:
  void reset() { wait_ = std::chrono::milliseconds(0); }
  std::chrono::milliseconds next() {
    wait_ = std::clamp(wait_ * 2, std::chrono::milliseconds(100), std::chrono::milliseconds(3000));
    return wait_ / 2 +
           std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(wait_.count() / 2 + 1));
  }

 private:
  std::chrono::milliseconds wait_{0};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace cleat::postgresql
