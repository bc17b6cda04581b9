#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace cleat::mqtt {

/// How long to wait before the next attempt to connect: doubled each time, half of it at random, so that many hosts do not come
/// back to a broker at once.
class BackOff {
 public:
  explicit BackOff(std::uint32_t seed) : random_(seed) {}
  std::chrono::nanoseconds next() {
    const auto whole = std::min<std::chrono::milliseconds>(kFirst * (1U << std::min(attempts_, 10U)), kMost);
    ++attempts_;
    std::uniform_real_distribution<double> part(0.5, 1.0);
    return std::chrono::duration_cast<std::chrono::nanoseconds>(whole * part(random_));
  }
  void reset() { attempts_ = 0; }

 private:
  static constexpr std::chrono::milliseconds kFirst{200}, kMost{30'000};
  std::minstd_rand random_;
  unsigned attempts_ = 0;
};

}  // namespace cleat::mqtt
