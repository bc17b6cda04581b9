#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cleat::kafka {

/// A partition by its topic and its number.
using PartitionKey = std::pair<std::string, std::int32_t>;

/// What is kept outside of Kafka about where a group begins to read a partition of which it has committed nothing.
struct FirstStart {
  std::optional<std::int64_t> offset;  ///< nothing: it is not known there either
  std::string failure;                 ///< not empty: this cannot be learned now, and why
};

/// A binding's source of first starts. Called on the consumer's thread; it may wait for answers, until `end`. A partition
/// that is missing from the answer has no start there; of one with a failure nothing is read, and it is asked about again.
using FirstStarts = std::function<std::map<PartitionKey, FirstStart>(
    const std::vector<PartitionKey>& partitions, std::chrono::steady_clock::time_point end)>;

}  // namespace cleat::kafka
