#include "common/kafka/intake.hpp"

#include <algorithm>

namespace cleat::kafka {
namespace {

constexpr std::size_t kBatch = 64;

}  // namespace

/// A full window is filled again when a few places are free: one wake-up for several events.
std::uint64_t Intake::resume_below(std::uint64_t limit) {
  return limit - std::min<std::uint64_t>(std::max<std::uint64_t>(limit / 4, 1), 32) + 1;
}

void Intake::begin(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    is_reading_ = true;
    is_full_ = was_refused_ = false;
  }
  wake_.notify();
}

void Intake::set_window(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    is_full_ = was_refused_ = false;
  }
  wake_.notify();
}

void Intake::end() {
  const std::lock_guard lock(mutex_);
  is_reading_ = false;
}

void Intake::stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  settled_.notify_all();
}

void Intake::open(Partition& partition) {
  const std::lock_guard lock(mutex_);
  partition.lane = ++lanes_;
}

std::size_t Intake::room(Partition& partition) {
  const std::lock_guard lock(mutex_);
  if (!is_reading_ || !partition.is_ours || partition.tracker.must_rewind()) return 0;
  if (out_.size() >= window_.max_events || out_.full()) {
    is_full_ = true;
    return 0;
  }
  if (was_refused_) return 0;
  std::uint64_t free = window_.max_events - out_.size();
  if (window_.max_per_lane != 0) {
    const std::uint64_t in_lane = partition.tracker.outstanding();
    if (in_lane >= window_.max_per_lane) {
      partition.is_full = true;
      return 0;
    }
    free = std::min(free, window_.max_per_lane - in_lane);
  }
  const std::uint64_t uncommitted = partition.tracker.uncommitted();
  if (uncommitted >= max_uncommitted_) return 0;
  return static_cast<std::size_t>(std::min({free, max_uncommitted_ - uncommitted, std::uint64_t{kBatch}}));
}

bool Intake::is_acked(const Partition& partition, std::int64_t offset) const {
  const std::lock_guard lock(mutex_);
  return partition.tracker.is_acked(offset);
}

void Intake::skip_acked(Partition& partition, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  partition.tracker.skip(offset);
  has_progress_ = true;
}

void Intake::reach(Partition& partition, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  has_progress_ = partition.tracker.reach(offset) || has_progress_;
}

void Intake::deliver(const std::shared_ptr<Partition>& partition, Client& client, EventBatch& batch,
                     std::deque<Message>& messages) {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::uint32_t>(batch.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    cleat_event& event = batch.event(i);
    rd_kafka_message_t* message = messages[i].release();
    event.lane = partition->lane;
    event.id = out_.add({partition, partition->tracker.add(message->offset)});
    event.data = client.lend(message);
    if (message->payload == nullptr) {
      event.data.ptr = "null";
      event.data.len = 4;
    }
  }
  std::uint32_t accepted = 0;
  cleat_status status = CLEAT_CANCELLED;
  if (is_reading_ && partition->is_ours) status = host_.deliver(batch.pointers(0), count, accepted);
  for (std::uint32_t i = count; i > accepted; --i) {
    cleat_event& event = batch.event(i - 1);
    out_.remove(event.id);
    partition->tracker.take_back();
    messages[i - 1].reset(client.take_back(event.data));
  }
  messages.erase(messages.begin(), messages.begin() + accepted);
  if (status == CLEAT_AGAIN) was_refused_ = true;
  // The host has logged how the contract was broken. Trying again would be the same; leaving the record out
  // would lose it.
  if (status == CLEAT_INVALID || status == CLEAT_INTERNAL) partition->failed = true;
}

void Intake::settle_one(const cleat_settlement& one, bool& must_wake) {
  Out* found = out_.find(one.event_id);
  if (found == nullptr) return;
  const Out out = *found;
  out_.remove(one.event_id);
  OffsetTracker& tracker = out.partition->tracker;
  const bool was_stalled = tracker.uncommitted() >= max_uncommitted_;
  tracker.settle(out.number, one.verdict == CLEAT_ACK);
  must_wake = must_wake || !has_progress_ || (tracker.must_rewind() && tracker.outstanding() == 0) ||
              (was_stalled && tracker.uncommitted() < max_uncommitted_);
  has_progress_ = true;
  if (out.partition->is_full && tracker.outstanding() < resume_below(window_.max_per_lane)) {
    out.partition->is_full = false;
    must_wake = true;
  }
}

void Intake::settle(const Settlements& settlements) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    for (const cleat_settlement* one : settlements)
      settle_one(*one, must_wake);
    // After a refusal any settlement may have made the place that was missing.
    if (was_refused_ || (is_full_ && out_.size() < resume_below(window_.max_events))) {
      is_full_ = was_refused_ = false;
      must_wake = true;
    }
    if (is_withdrawing_) settled_.notify_all();
  }
  if (must_wake) wake_.notify();
}

std::optional<std::int64_t> Intake::take_rewind(Partition& partition) {
  const std::lock_guard lock(mutex_);
  OffsetTracker& tracker = partition.tracker;
  if (!partition.is_ours || !tracker.must_rewind() || tracker.outstanding() != 0) return std::nullopt;
  tracker.rewind();
  partition.lane = ++lanes_;
  partition.is_full = false;
  return tracker.position();
}

std::size_t Intake::withdraw(const Partitions& partitions, std::chrono::steady_clock::time_point end) {
  std::vector<std::uint64_t> lanes;
  std::unique_lock lock(mutex_);
  for (const auto& partition : partitions) {
    partition->is_ours = false;
    if (partition->tracker.outstanding() != 0) lanes.push_back(partition->lane);
  }
  const auto left = [&] {
    std::size_t sum = 0;
    for (const auto& partition : partitions)
      sum += partition->tracker.outstanding();
    return sum;
  };
  if (lanes.empty()) return 0;
  host_.withdraw(CLEAT_BY_LANE, lanes.data(), static_cast<std::uint32_t>(lanes.size()));
  is_withdrawing_ = true;
  settled_.wait_until(lock, end, [&] { return is_stopping_ || left() == 0; });
  is_withdrawing_ = false;
  return left();
}

std::int64_t Intake::position(const Partition& partition) {
  const std::lock_guard lock(mutex_);
  return partition.tracker.position();
}

std::size_t Intake::outstanding(const Partition& partition) {
  const std::lock_guard lock(mutex_);
  return partition.tracker.outstanding();
}

bool Intake::is_stalled(const Partition& partition) {
  const std::lock_guard lock(mutex_);
  return partition.tracker.uncommitted() >= max_uncommitted_;
}

bool Intake::has_stalled(const Partitions& partitions) {
  const std::lock_guard lock(mutex_);
  return std::any_of(partitions.begin(), partitions.end(),
                     [this](const auto& one) { return one->tracker.uncommitted() >= max_uncommitted_; });
}

bool Intake::has_progress() const {
  const std::lock_guard lock(mutex_);
  return has_progress_;
}

void Intake::clear_progress() {
  const std::lock_guard lock(mutex_);
  has_progress_ = false;
}

}  // namespace cleat::kafka
