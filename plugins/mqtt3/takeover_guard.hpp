#pragma once

#include <chrono>
#include <cstdint>

namespace cleat::mqtt {

/// Two clients with one id throw each other out for ever. A broker that speaks MQTT 5 says so, or should; otherwise it shows in
/// connections that the broker ends soon after it accepted them, many times in a row. Whoever is told to give in tries again
/// after kPause, in case it was something else.
class TakeoverGuard {
 public:
  static constexpr std::chrono::nanoseconds kPause = std::chrono::minutes(1);

  void accepted(std::uint64_t now_ns) { accepted_ns_ = now_ns; }
  /// Whether the connection that was accepted last is a young one.
  [[nodiscard]] bool was_short(std::uint64_t now_ns) const {
    return now_ns - accepted_ns_ < static_cast<std::uint64_t>(kShort.count());
  }
  /// The broker ended a connection that it had accepted. True: that looks like another client with our id.
  bool ended(std::uint64_t now_ns) {
    in_a_row_ = was_short(now_ns) ? in_a_row_ + 1 : 0;
    return in_a_row_ >= kMost;
  }
  void forget() { in_a_row_ = 0; }

 private:
  static constexpr std::chrono::nanoseconds kShort = std::chrono::seconds(10);
  static constexpr unsigned kMost = 6;
  std::uint64_t accepted_ns_ = 0;
  unsigned in_a_row_ = 0;
};

}  // namespace cleat::mqtt
