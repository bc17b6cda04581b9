#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "common/kafka/client.hpp"
#include "common/kafka/offset_tracker.hpp"
#include "common/kafka/wake.hpp"

namespace cleat::kafka {

/// One assigned partition, from assignment to revocation.
struct Partition {
  Partition(std::string topic_, std::int32_t number_, std::int64_t start)
      : topic(std::move(topic_)), number(number_), committed(start), tracker(start) {}

  const std::string topic;
  const std::int32_t number;

  // Of the consumer thread.
  Queue queue;                          ///< its own, so that it can be left unread while others are read
  std::deque<Message> waiting;          ///< read and not accepted yet
  std::int64_t committed;               ///< the last offset that was sent to the broker
  bool is_confirmed = true;             ///< the broker has said that it has that one
  std::optional<std::int64_t> seek_to;  ///< nothing is read before this is done
  std::uint32_t refused_seeks = 0;      ///< in a row, because the library does not fetch it
  bool is_lost = false;                 ///< the broker has not got the offset; a decision is due
  bool is_truncated = false;            ///< what was before it is not what it was: an election lost records
  bool failed = false;                  ///< not read any more in this assignment
  std::string unknown_start;  ///< why nobody told yet where reading begins; not read while this is set
  /// Since when, and at which position, maxUncommitted keeps it from being read.
  std::optional<std::chrono::steady_clock::time_point> stalled_since;
  std::int64_t stalled_at = 0;

  Wake* wake = nullptr;
  std::atomic<bool> has_data{true};  ///< the queue may not be empty; set by librdkafka's threads

  // Under Intake's lock.
  OffsetTracker tracker;
  std::uint64_t lane = 0;
  bool is_ours = true;
  bool is_full = false;  ///< was not read because the lane's limit was reached

  [[nodiscard]] std::string name() const { return topic + "/" + std::to_string(number); }
};

}  // namespace cleat::kafka
