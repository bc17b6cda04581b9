#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "common/kafka/client.hpp"
#include "common/kafka/intake.hpp"
#include "common/kafka/settings.hpp"
#include "common/kafka/start_positions.hpp"

namespace cleat::kafka {

/// Membership of the consumer group: which partitions are ours, what is committed of them. Everything runs on
/// the consumer thread, the callbacks of librdkafka included.
class Group {
 public:
  Group(const Settings& config, Host host, HealthBoard& health, Intake& intake, Wake& wake,
        const std::atomic<bool>& is_stopping);

  /// What librdkafka calls back; `client` is given by use().
  Client::Callbacks callbacks();
  void use(Client& client) { client_ = &client; }

  [[nodiscard]] bool is_member() const { return is_member_; }
  /// Subscribes to the topics.
  void join();
  /// Leaves and joins at the next rejoin_if_needed(): an assignment had to be given up.
  void rejoin() { must_rejoin_ = true; }
  void rejoin_if_needed();
  /// Asks again where the partitions begin of which nobody told it yet. Blocks for at most a second or two.
  void learn_starts();
  [[nodiscard]] bool has_unknown_start() const;
  /// Sends the offsets that moved; does not wait.
  void commit();
  /// Whether a commit failed and is to be repeated.
  [[nodiscard]] bool has_unsent() const { return has_unsent_; }
  /// Commits, waits and leaves the group, until `end` also without the broker's answers. The partitions are gone
  /// afterwards.
  void leave(std::chrono::steady_clock::time_point end);

  [[nodiscard]] Intake::Partitions& partitions() { return partitions_; }
  [[nodiscard]] StartPositions& starts() { return starts_; }
  /// Says what is read, or why it is not.
  void report();
  /// Says only whether a partition is not read further because of maxUncommitted, and when that is over.
  void report_stall();

 private:
  using Clock = std::chrono::steady_clock;
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list);
  void assigned(rd_kafka_topic_partition_list_t* list);
  [[nodiscard]] const Partition* find_stalled();
  bool resolve(rd_kafka_topic_partition_list_t& list, StartPositions::Outcome& outcome);
  Partition& open(const rd_kafka_topic_partition_t& one);
  void mark(const StartPositions::Outcome& outcome);
  void revoked(rd_kafka_topic_partition_list_t* list);
  void close(const Intake::Partitions& gone);
  void committed(rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list);
  void answered(Partition& partition, std::int64_t offset, bool is_stored);
  void assign(rd_kafka_topic_partition_list_t* list);
  void unassign(const Intake::Partitions& gone);
  [[nodiscard]] PartitionList moved(const Intake::Partitions& partitions);
  [[nodiscard]] std::string where(const Intake::Partitions& partitions) const;

  const Settings& config_;
  Host host_;
  HealthBoard& health_;
  Intake& intake_;
  Wake& wake_;
  const std::atomic<bool>& is_stopping_;
  StartPositions starts_;
  Client* client_ = nullptr;
  Intake::Partitions partitions_;
  Clock::time_point leave_by_ = Clock::time_point::max();
  bool is_member_ = false, must_rejoin_ = false, has_unsent_ = false, commit_failed_ = false;
};

}  // namespace cleat::kafka
