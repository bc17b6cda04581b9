#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <thread>

#include "common/kafka/client.hpp"
#include "common/kafka/event_batch.hpp"
#include "common/kafka/group.hpp"
#include "common/kafka/intake.hpp"
#include "common/kafka/settings.hpp"
#include "common/kafka/wake.hpp"

namespace cleat::kafka {

/// Reads the topics as a member of the group. One thread polls without pause, whatever the window says, so
/// that a slow application never costs the membership; a partition whose lane is full is just not read.
class Consumer {
 public:
  /// Sets the client up and starts the thread; the group is joined at the first begin().
  Consumer(const Settings& config, Host host, HealthBoard& health, Describe describe);
  ~Consumer();

  void begin(const Window& window);
  void set_window(const Window& window) { intake_.set_window(window); }
  void settle(const Settlements& settlements) { intake_.settle(settlements); }
  void end() { intake_.end(); }
  bool ping(Deadline deadline);
  /// Commits, leaves the group and ends the thread, at the deadline also without the broker's answer.
  void stop(Deadline deadline);

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  void poll_group();
  bool read_all();
  bool read(const std::shared_ptr<Partition>& partition);
  void fetch(Partition& partition, std::size_t room);
  void take(const std::shared_ptr<Partition>& partition, std::size_t room);
  void failed_message(Partition& partition, const rd_kafka_message_t& message);
  void group_error(const rd_kafka_message_t& message);
  void keep_positions();
  void learn_starts();
  void decide_loss(Partition& partition);
  [[nodiscard]] bool may_doubt(const Partition& partition);
  void seek(Partition& partition, std::int64_t offset);
  void keep_house();
  [[nodiscard]] Clock::time_point next_due();

  Settings config_;
  Host host_;
  HealthBoard& health_;
  Wake wake_;
  Intake intake_;
  std::atomic<bool> is_stopping_{false}, must_join_{false};
  Group group_;
  ClientPtr client_;
  Queue queue_;
  EventBatch batch_;
  std::deque<Message> taken_;
  std::size_t first_ = 0;  ///< the partition whose turn it is
  Clock::time_point next_commit_{}, next_probe_{}, next_seek_{}, next_learn_{}, next_look_{};
  Clock::time_point leave_by_{};                       ///< of stop(), set before is_stopping_
  std::map<PartitionKey, Clock::time_point> doubted_;  ///< when a lost offset was not believed
  bool has_seek_ = false;
  std::thread thread_;
};

}  // namespace cleat::kafka
