#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/kafka/client.hpp"
#include "common/kafka/first_start.hpp"
#include "common/kafka/settings.hpp"

namespace cleat::kafka {

/// Where reading of a partition begins. A partition without a committed offset gets its start committed
/// before anything of it is delivered: otherwise an event that is never settled would be skipped by a restart
/// with `newest`. Blocks on the broker; of the consumer thread.
class StartPositions {
 public:
  struct Lost {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t from = 0, low = 0, high = 0;
  };
  using Key = PartitionKey;
  struct Outcome {
    std::string failure;                 ///< not empty: nothing is known of the whole list; to be tried again
    std::vector<Lost> lost;              ///< partitions that onOffsetLost: stop keeps from being read
    std::map<Key, std::string> unknown;  ///< partitions whose start is still to be learned, and why it is not
  };

  /// Asks nobody any more once it `is_stopping`.
  StartPositions(const Settings& config, Host host, const std::atomic<bool>& is_stopping)
      : config_(config), host_(host), is_stopping_(is_stopping) {}

  /// Notes how many partitions the topics have; what comes beyond these is new and is read from its
  /// beginning. Only the first answer counts. False: no broker answered.
  bool learn_topics(Client& client);
  /// Fills in the offset of every partition of the list, and commits those that had none. One whose start
  /// nobody tells gets the end, at which librdkafka waits without failing. No broker is asked about a partition
  /// after `end`.
  Outcome resolve(Client& client, rd_kafka_topic_partition_list_t& list,
                  std::chrono::steady_clock::time_point end);
  /// The offset of this partition is not there any more: where to go on, or nothing if a person has to
  /// decide. `failure` is set if no broker answered.
  std::optional<std::int64_t> after_loss(Client& client, Lost& lost, std::string& failure, int timeout_ms);
  /// This offset is committed.
  void note(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    known_[{topic, partition}] = offset;
  }
  /// "the offset 42 of topic/3 is gone: ..."
  [[nodiscard]] static std::string sentence(const Lost& lost);

 private:
  bool is_new(const Key& key) const;
  [[nodiscard]] int ms_until(std::chrono::steady_clock::time_point end) const;
  using Kept = std::map<Key, FirstStart>;
  [[nodiscard]] Kept ask_elsewhere(const rd_kafka_topic_partition_list_t& list,
                                   std::chrono::steady_clock::time_point end) const;
  std::string start_of(Client& client, rd_kafka_topic_partition_t& one, const Kept& kept, int timeout_ms,
                       std::vector<Lost>& lost);
  std::string start_after_loss(Client& client, rd_kafka_topic_partition_t& one, std::int64_t from,
                               int timeout_ms, std::vector<Lost>& lost);

  const Settings& config_;
  Host host_;
  const std::atomic<bool>& is_stopping_;
  std::optional<std::map<std::string, std::int32_t>> first_count_;
  std::map<Key, std::int64_t> known_;  ///< offsets that this process has read or written before
};

/// Commits the offsets of the list and waits for the answer at most this long. Empty on success. With `refused` it is one
/// too if some of the offsets were stored; the others are named there, with why.
std::string commit_and_wait(Client& client, const rd_kafka_topic_partition_list_t& list,
                            std::chrono::milliseconds most,
                            std::map<PartitionKey, std::string>* refused = nullptr);

}  // namespace cleat::kafka
