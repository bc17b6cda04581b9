#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace cleat::common {

/// Waits between attempts: doubled each time up to `most`, half of it by chance, so that many hosts do not come back at once.
class BackOff {
 public:
  BackOff(std::chrono::milliseconds first, std::chrono::milliseconds most) : first_(first), most_(most) {}
  void reset() { wait_ = std::chrono::milliseconds(0); }
  std::chrono::milliseconds next() {
    wait_ = std::clamp(wait_ * 2, first_, most_);
    return wait_ / 2 +
           std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(wait_.count() / 2 + 1));
  }

 private:
  std::chrono::milliseconds first_, most_, wait_{0};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace cleat::common
