#pragma once

#include <cleat/plugin.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/kafka/event_batch.hpp"
#include "common/kafka/event_table.hpp"
#include "common/kafka/partition.hpp"
#include "common/kafka/wake.hpp"

namespace cleat::kafka {

/// What is out: events given to the host and not settled, the window, and which partition may be read. The
/// border between the host's calls and the consumer thread, with one lock that is held across deliver(), as
/// the contract asks.
class Intake {
 public:
  using Partitions = std::vector<std::shared_ptr<Partition>>;

  Intake(Host host, Wake& wake, std::uint64_t max_uncommitted)
      : host_(host), wake_(wake), max_uncommitted_(max_uncommitted) {}

  // ---- called by the host
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const Settlements& settlements);
  /// No delivery happens after this returned.
  void end();
  /// Ends waiting in withdraw().
  void stop();

  // ---- called by the consumer thread
  /// Gives a newly assigned partition its lane.
  void open(Partition& partition);
  /// How many records may be read of this partition now; at most one batch.
  [[nodiscard]] std::size_t room(Partition& partition);
  /// Whether the record was acknowledged before the last rewind.
  [[nodiscard]] bool is_acked(const Partition& partition, std::int64_t offset) const;
  /// Counts such a record without delivering it. Only when every record before it is known to the tracker: otherwise the
  /// position would pass those that are not.
  void skip_acked(Partition& partition, std::int64_t offset);
  /// Everything before this offset was read: what is between the last record and it are marks of transactions, or records
  /// of one that was aborted.
  void reach(Partition& partition, std::int64_t offset);
  /// Delivers messages, one for each event of the batch, in order. Those that the host did not take stay in
  /// `messages`.
  void deliver(const std::shared_ptr<Partition>& partition, Client& client, EventBatch& batch,
               std::deque<Message>& messages);
  /// Once all that was out of a partition with something given back is settled: the offset to read from
  /// again. The partition has a new lane then.
  std::optional<std::int64_t> take_rewind(Partition& partition);
  /// The partitions are being taken away: withdraws their lanes and waits until what runs is settled, the time is up or
  /// stop() was called. Returns how many events were still out.
  std::size_t withdraw(const Partitions& partitions, std::chrono::steady_clock::time_point end);
  /// The offset to commit.
  [[nodiscard]] std::int64_t position(const Partition& partition);
  [[nodiscard]] std::size_t outstanding(const Partition& partition);
  /// So many records past the oldest unsettled one are out that reading stopped.
  [[nodiscard]] bool is_stalled(const Partition& partition);
  /// Whether one of them is.
  [[nodiscard]] bool has_stalled(const Partitions& partitions);
  /// Whether an event was settled since clear_progress(): only the first one wakes the consumer's thread.
  [[nodiscard]] bool has_progress() const;
  void clear_progress();

 private:
  struct Out {
    std::shared_ptr<Partition> partition;
    std::uint64_t number = 0;  ///< of the tracker
  };
  void settle_one(const cleat_settlement& one, bool& must_wake);
  [[nodiscard]] static std::uint64_t resume_below(std::uint64_t limit);

  Host host_;
  Wake& wake_;
  const std::uint64_t max_uncommitted_;
  mutable std::mutex mutex_;
  std::condition_variable settled_;
  EventTable<Out> out_;
  Window window_;
  bool is_reading_ = false, is_full_ = false, was_refused_ = false, has_progress_ = false,
       is_withdrawing_ = false, is_stopping_ = false;
  std::uint64_t lanes_ = 0;
};

}  // namespace cleat::kafka
