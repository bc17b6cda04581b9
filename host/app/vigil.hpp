#pragma once

#include <algorithm>
#include <cstdint>

namespace cleat {

/// Whether a plugin that promised a sign of life keeps the promise. One thread.
class Vigil {
 public:
  /// To be asked about once in the time that the plugin promised, of CLOCK_MONOTONIC as the sign. Where nobody asked for much
  /// longer, the whole process stood still, and what the plugin did not do meanwhile is not held against it.
  [[nodiscard]] bool is_over(std::uint64_t now_ns, std::uint64_t last_sign_ns, std::uint64_t promised_ns) {
    if (now_ns - asked_ns_ > 2 * promised_ns) began_ns_ = now_ns;
    asked_ns_ = now_ns;
    return now_ns > std::max(last_sign_ns, began_ns_) + kMissed * promised_ns;
  }

 private:
  static constexpr std::uint64_t kMissed = 3;  ///< signs that may be missing before it counts as dead
  std::uint64_t asked_ns_ = 0;
  std::uint64_t began_ns_ = 0;
};

}  // namespace cleat
