#pragma once

#include <time.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cleat::bench {

/// CLOCK_MONOTONIC, the same for all processes of a machine, so a stamp written by one can be read by
/// another.
inline std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Counts durations in buckets that are at most 1/32 wide, so quantiles are right within some 3 %.
class Histogram {
 public:
  void add(std::uint64_t ns) {
    ++buckets_[bucket(ns)];
    ++count_;
  }
  void clear() { *this = {}; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

  /// In microseconds; 0 when nothing was counted.
  [[nodiscard]] double quantile_us(double part) const {
    if (count_ == 0) return 0;
    auto left = static_cast<std::uint64_t>(part * static_cast<double>(count_));
    for (std::size_t at = 0; at < buckets_.size(); ++at) {
      if (buckets_[at] > left) return static_cast<double>(middle(at)) / 1000.0;
      left -= buckets_[at];
    }
    return 0;
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr std::size_t kParts = 1U << kBits;

  static std::size_t bucket(std::uint64_t value) {
    if (value < kParts) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (static_cast<std::size_t>(shift) + 1) * kParts +
           static_cast<std::size_t>((value >> shift) - kParts);
  }
  static std::uint64_t middle(std::size_t at) {
    if (at < kParts) return at;
    const auto shift = at / kParts - 1;
    return ((at % kParts + kParts) << shift) + ((1ULL << shift) >> 1);
  }

  std::array<std::uint64_t, (65 - kBits) * kParts> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace cleat::bench
