#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace cleat::sqs {

/// What we have of a message: until it is deleted, given back, or lost.
struct Lease {
  using Clock = std::chrono::steady_clock;
  /// SQS keeps a message invisible for twelve hours from its receipt and no longer, however often that is renewed. Less
  /// what its clock and ours may differ by: a renewal beyond is refused as a whole.
  static constexpr std::chrono::seconds kLongest = std::chrono::hours(12) - std::chrono::seconds(5);

  std::string receipt, message_id;
  std::uint64_t lane = 0;
  Clock::time_point received_at, until;
  bool is_renewing = false;  ///< that is asked for, and not answered yet
  bool is_lost = false;      ///< others may get it
  bool is_done = false;      ///< acknowledged, to be deleted

  [[nodiscard]] bool has_ended(Clock::time_point now) const { return until <= now; }

  /// For how long from `now` the message may be kept invisible, of `wanted`.
  [[nodiscard]] std::chrono::seconds allowed(std::chrono::seconds wanted, Clock::time_point now) const {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(received_at + kLongest - now);
    return std::clamp(left, std::chrono::seconds(0), wanted);
  }

  /// It lasts for as long as SQS allows.
  [[nodiscard]] bool is_at_its_longest() const {
    return until + std::chrono::seconds(1) >= received_at + kLongest;
  }

  /// For how long it is to be renewed now; 0: not at all. From half of its time on, so that there is some left for more
  /// attempts.
  [[nodiscard]] std::chrono::seconds renewal(std::chrono::seconds visibility, Clock::time_point now) const {
    const bool is_due = !is_renewing && !is_lost && !has_ended(now) && until - now < visibility / 2.0;
    return is_due && !is_at_its_longest() ? allowed(visibility, now) : std::chrono::seconds(0);
  }
};

}  // namespace cleat::sqs
