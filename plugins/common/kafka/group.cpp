#include "common/kafka/group.hpp"

#include <algorithm>
#include <iterator>

#include "common/kafka/errors.hpp"

namespace cleat::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The whole group waits for a member that gives partitions up, so not longer than a handler usually takes.
constexpr seconds kRevokeGrace{10};
/// Shorter than max.poll.interval.ms, at which the member would be thrown out.
constexpr seconds kResolveLimit{40};
constexpr milliseconds kResolvePause{500};
/// Nothing is read meanwhile, so a partition whose leader is away must not take longer; it is asked about again.
constexpr seconds kAskAtAssignment{5}, kAskAgain{1};
constexpr seconds kCommitTime{3};
constexpr std::size_t kMostNamed = 16;
/// A partition whose position moves on reaches maxUncommitted for moments too, if that is small: this is no stall.
constexpr seconds kStallTime{1};

/// Without offsets.
PartitionList list_of(const Intake::Partitions& partitions) {
  PartitionList list = new_list(partitions.size());
  for (const auto& partition : partitions)
    rd_kafka_topic_partition_list_add(list.get(), partition->topic.c_str(), partition->number);
  return list;
}

}  // namespace

Group::Group(const Settings& config, Host host, HealthBoard& health, Intake& intake, Wake& wake,
             const std::atomic<bool>& is_stopping)
    : config_(config),
      host_(host),
      health_(health),
      intake_(intake),
      wake_(wake),
      is_stopping_(is_stopping),
      starts_(config, host, is_stopping) {}

Client::Callbacks Group::callbacks() {
  Client::Callbacks callbacks;
  callbacks.rebalance = [this](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    rebalance(what, list);
  };
  callbacks.committed = [this](rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list) {
    committed(error, list);
  };
  callbacks.want_token = config_.security.want_token;
  return callbacks;
}

void Group::join() {
  // Before joining, so that a topic that is made in between is read from its beginning. Without an answer the
  // first assignment asks again.
  starts_.learn_topics(*client_);
  const PartitionList topics = new_list(config_.topics.size());
  for (const std::string& topic : config_.topics)
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_->get(), topics.get());
  is_member_ = true;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    health_.set(HealthBoard::reading, CLEAT_HEALTH_DOWN,
                "the topics cannot be subscribed to: " + std::string(rd_kafka_err2str(error)));
  else
    report();
}

void Group::rejoin_if_needed() {
  if (!must_rejoin_) return;
  must_rejoin_ = false;
  rd_kafka_unsubscribe(client_->get());
  join();
}

void Group::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned(list);
  } else if (what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    revoked(list);
  } else {
    host_.log(CLEAT_LOG_WARN, "the rebalance failed: " + std::string(rd_kafka_err2str(what)));
    rd_kafka_assign(client_->get(), nullptr);
  }
  report();
}

/// Asks until a broker answers. False: it was given up.
bool Group::resolve(rd_kafka_topic_partition_list_t& list, StartPositions::Outcome& outcome) {
  const auto end = Clock::now() + kResolveLimit;
  for (;;) {
    outcome = starts_.resolve(*client_, list, Clock::now() + kAskAtAssignment);
    health_.beat();
    if (outcome.failure.empty()) return true;
    health_.set(HealthBoard::reading, CLEAT_HEALTH_DOWN,
                "the offsets where reading begins cannot be learned: " + outcome.failure);
    if (is_stopping_ || Clock::now() >= end) return false;
    wake_.wait_until(Clock::now() + kResolvePause);
  }
}

void Group::assigned(rd_kafka_topic_partition_list_t* list) {
  StartPositions::Outcome outcome;
  if (list->cnt > 0 && !resolve(*list, outcome)) {
    must_rejoin_ = !is_stopping_;
    assign(new_list(0).get());
    return;
  }
  for (int i = 0; i < list->cnt; ++i)
    open(list->elems[i]);
  mark(outcome);
  assign(list);
  host_.log(CLEAT_LOG_INFO, "partitions assigned",
            {{"group", config_.group},
             {"partitions", where(partitions_)},
             {"count", std::to_string(partitions_.size())}});
}

/// Notes which partitions are not to be read, and why.
void Group::mark(const StartPositions::Outcome& outcome) {
  for (const auto& partition : partitions_) {
    const auto unknown = outcome.unknown.find({partition->topic, partition->number});
    if (unknown != outcome.unknown.end()) partition->unknown_start = unknown->second;
  }
  for (const StartPositions::Lost& lost : outcome.lost) {
    for (const auto& partition : partitions_) {
      if (partition->topic == lost.topic && partition->number == lost.partition) {
        partition->failed = true;
        partition->seek_to.reset();
      }
    }
    health_.set(HealthBoard::reading, CLEAT_HEALTH_DOWN, StartPositions::sentence(lost));
  }
}

bool Group::has_unknown_start() const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [](const auto& one) { return !one->unknown_start.empty(); });
}

void Group::learn_starts() {
  Intake::Partitions waiting;
  std::copy_if(partitions_.begin(), partitions_.end(), std::back_inserter(waiting),
               [](const auto& one) { return !one->unknown_start.empty(); });
  const PartitionList list = list_of(waiting);
  const StartPositions::Outcome outcome = starts_.resolve(*client_, *list, Clock::now() + kAskAgain);
  health_.beat();
  if (outcome.failure.empty()) {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      if (one.offset < 0) continue;
      // Nothing was read of it. librdkafka stands at its end: back from there.
      close({waiting[i]});
      open(one).seek_to = one.offset;
    }
    mark(outcome);
  }
  report();
}

Partition& Group::open(const rd_kafka_topic_partition_t& one) {
  auto partition = std::make_shared<Partition>(one.topic, one.partition, one.offset);
  partition->queue.reset(rd_kafka_queue_get_partition(client_->get(), one.topic, one.partition));
  rd_kafka_queue_forward(partition->queue.get(), nullptr);
  // The pointer stays good until close() takes the callback away, which waits for one that runs.
  partition->wake = &wake_;
  rd_kafka_queue_cb_event_enable(
      partition->queue.get(),
      [](rd_kafka_t*, void* target) {
        auto* self = static_cast<Partition*>(target);
        self->has_data.store(true, std::memory_order_release);
        self->wake->notify();
      },
      partition.get());
  intake_.open(*partition);
  return *partitions_.emplace_back(std::move(partition));
}

void Group::assign(rd_kafka_topic_partition_list_t* list) {
  if (config_.cooperative()) {
    const RdError error(rd_kafka_incremental_assign(client_->get(), list));
    if (error) host_.log(CLEAT_LOG_ERROR, "partitions could not be taken over: " + text_of(error));
  } else {
    rd_kafka_assign(client_->get(), list);
  }
}

/// Of what is revoked the library takes back only what it was given, and stays in the middle of the rebalance for ever
/// otherwise: nothing of an assignment that could not be taken over.
void Group::unassign(const Intake::Partitions& gone) {
  if (config_.cooperative()) {
    const PartitionList list = list_of(gone);
    const RdError error(rd_kafka_incremental_unassign(client_->get(), list.get()));
    if (error) host_.log(CLEAT_LOG_WARN, "partitions could not be given up: " + text_of(error));
  } else {
    rd_kafka_assign(client_->get(), nullptr);
  }
}

void Group::revoked(rd_kafka_topic_partition_list_t* list) {
  const bool is_lost = rd_kafka_assignment_lost(client_->get()) != 0;
  Intake::Partitions gone;
  for (int i = 0; i < list->cnt; ++i) {
    const auto found = std::find_if(partitions_.begin(), partitions_.end(), [&](const auto& partition) {
      return partition->number == list->elems[i].partition && partition->topic == list->elems[i].topic;
    });
    if (found != partitions_.end()) gone.push_back(*found);
  }
  // Without the right to commit there is nothing to wait for.
  const std::size_t left =
      intake_.withdraw(gone, std::min(leave_by_, Clock::now() + (is_lost ? seconds(0) : kRevokeGrace)));
  if (!is_lost && !client_->is_down()) {
    const PartitionList offsets = moved(gone);
    const auto time = std::chrono::duration_cast<milliseconds>(
        std::min<Clock::duration>(kCommitTime, leave_by_ - Clock::now()));
    const std::string error =
        offsets->cnt > 0 ? commit_and_wait(*client_, *offsets, std::max(time, milliseconds(0))) : "";
    if (!error.empty()) host_.log(CLEAT_LOG_WARN, "the last offsets could not be committed: " + error);
  }
  host_.log(CLEAT_LOG_INFO, is_lost ? "partitions lost" : "partitions revoked",
            {{"group", config_.group}, {"partitions", where(gone)}, {"unsettled", std::to_string(left)}});
  close(gone);
  unassign(gone);
}

void Group::close(const Intake::Partitions& gone) {
  for (const auto& partition : gone) {
    rd_kafka_queue_cb_event_enable(partition->queue.get(), nullptr, nullptr);
    partition->waiting.clear();
    partition->queue.reset();
    partitions_.erase(std::find(partitions_.begin(), partitions_.end(), partition));
  }
}

/// The offsets that are to be committed; they count as sent.
PartitionList Group::moved(const Intake::Partitions& partitions) {
  PartitionList list = new_list(partitions.size());
  for (const auto& partition : partitions) {
    const std::int64_t position = intake_.position(*partition);
    if (position == partition->committed || partition->failed || !partition->unknown_start.empty()) continue;
    rd_kafka_topic_partition_list_add(list.get(), partition->topic.c_str(), partition->number)->offset =
        position;
    partition->committed = position;
    partition->is_confirmed = false;
    starts_.note(partition->topic, partition->number, position);
  }
  return list;
}

void Group::commit() {
  has_unsent_ = false;
  const PartitionList list = moved(partitions_);
  if (list->cnt == 0) return;
  const rd_kafka_resp_err_t error = rd_kafka_commit(client_->get(), list.get(), 1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) committed(error, list.get());
}

/// The answer to commit().
void Group::committed(rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list) {
  if (error == RD_KAFKA_RESP_ERR__NO_OFFSET || list == nullptr) return;
  std::string failure;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    const rd_kafka_resp_err_t what = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : one.err;
    if (what != RD_KAFKA_RESP_ERR_NO_ERROR) failure = rd_kafka_err2str(what);
    for (const auto& partition : partitions_) {
      if (partition->number != one.partition || partition->topic != one.topic) continue;
      answered(*partition, one.offset, what == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
  }
  if (!failure.empty() && !commit_failed_)
    host_.log(CLEAT_LOG_WARN, "offsets could not be committed, it is tried again: " + failure);
  commit_failed_ = !failure.empty();
}

void Group::answered(Partition& partition, std::int64_t offset, bool is_stored) {
  if (is_stored && offset == partition.committed) {
    partition.is_confirmed = true;
    return;
  }
  // An older offset while the last one is out is what the broker is about to replace. After the last one's answer it has
  // replaced that: the library had sent the older one again, behind the newer, because its first connection was cut.
  if (is_stored && !partition.is_confirmed) return;
  partition.committed = -1;  // unlike any position: sent again
  has_unsent_ = true;
}

void Group::leave(Clock::time_point end) {
  leave_by_ = end;
  const Queue queue(rd_kafka_queue_new(client_->get()));
  const RdError error(rd_kafka_consumer_close_queue(client_->get(), queue.get()));
  if (error) host_.log(CLEAT_LOG_WARN, "the group could not be left: " + text_of(error));
  while (!error && rd_kafka_consumer_closed(client_->get()) == 0 && Clock::now() < end)
    rd_kafka_queue_poll_callback(queue.get(), 50);
  close(Intake::Partitions(partitions_));
  is_member_ = false;
}

std::string Group::where(const Intake::Partitions& partitions) const {
  std::string text;
  for (std::size_t i = 0; i < partitions.size() && i < kMostNamed; ++i)
    text.append(i == 0 ? "" : " ").append(partitions[i]->name());
  if (partitions.size() > kMostNamed) text += " ...";
  return text.empty() ? "none" : text;
}

const Partition* Group::find_stalled() {
  const auto now = Clock::now();
  const Partition* found = nullptr;
  for (const auto& partition : partitions_) {
    Partition& one = *partition;
    if (!intake_.is_stalled(one)) {
      one.stalled_since.reset();
      continue;
    }
    const std::int64_t position = intake_.position(one);
    if (!one.stalled_since || one.stalled_at != position) one.stalled_since = now;
    one.stalled_at = position;
    if (found == nullptr && now >= *one.stalled_since + kStallTime) found = &one;
  }
  return found;
}

void Group::report_stall() {
  const bool was_said = health_.state(HealthBoard::reading) == CLEAT_HEALTH_STALLED;
  if (was_said || find_stalled() != nullptr) report();
}

void Group::report() {
  const auto failed =
      std::find_if(partitions_.begin(), partitions_.end(), [](const auto& one) { return one->failed; });
  if (failed != partitions_.end()) return;  // said where it was found, and a person has to decide
  const auto lost =
      std::find_if(partitions_.begin(), partitions_.end(), [](const auto& one) { return one->is_lost; });
  const auto unknown = std::find_if(partitions_.begin(), partitions_.end(),
                                    [](const auto& one) { return !one->unknown_start.empty(); });
  if (lost != partitions_.end()) {
    health_.set(HealthBoard::reading, CLEAT_HEALTH_DEGRADED,
                "the offset of " + (*lost)->name() +
                    " is gone; how it goes on is decided when what is out of it is settled");
  } else if (unknown != partitions_.end()) {
    health_.set(HealthBoard::reading, CLEAT_HEALTH_DEGRADED,
                (*unknown)->name() + " is not read yet, it is not known where its reading begins: " +
                    (*unknown)->unknown_start);
  } else if (const Partition* const stalled = find_stalled()) {
    health_.set(HealthBoard::reading, CLEAT_HEALTH_STALLED,
                stalled->name() + " is not read further: the record at offset " +
                    std::to_string(stalled->stalled_at) + " is not settled, and maxUncommitted (" +
                    std::to_string(config_.max_uncommitted) + ") records are out from there on");
  } else if (!must_rejoin_) {
    health_.set(HealthBoard::reading, CLEAT_HEALTH_UP,
                partitions_.empty() ? "member of group '" + config_.group + "', no partition assigned"
                                    : "partitions assigned: " + where(partitions_));
  }
}

}  // namespace cleat::kafka
