#include "common/kafka/consumer.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/kafka/errors.hpp"

namespace cleat::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kCommitEvery{1'000}, kProbeEvery{1'000}, kSeekEvery{500}, kLookEvery{1'000};
/// Also how often the group is polled when nothing happens: twice as often as the manifest's heartbeat.
constexpr seconds kIdleWait{5};
/// The thread looks up to see whether it is to stop after so long at the latest.
constexpr int kProbeMs = 500, kSeekMs = 2'000;
constexpr std::size_t kMostRead = 64;
constexpr seconds kDoubtEvery{60};
/// It may have been about to begin.
constexpr std::uint32_t kMostRefusedSeeks = 6;

}  // namespace

Consumer::Consumer(const Settings& config, Host host, HealthBoard& health, Describe describe)
    : config_(config),
      host_(host),
      health_(health),
      intake_(host, wake_, config.max_uncommitted),
      group_(config_, host, health, intake_, wake_, is_stopping_),
      batch_(std::move(describe)) {
  client_.reset(Client::create(Client::consumer, consumer_properties(config, rd_kafka_version()), host,
                               health, group_.callbacks()));
  group_.use(*client_);
  rd_kafka_poll_set_consumer(client_->get());
  queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(), [](rd_kafka_t*, void* wake) { static_cast<Wake*>(wake)->notify(); }, &wake_);
  thread_ = std::thread([this] { run(); });
}

Consumer::~Consumer() {
  if (!thread_.joinable()) return;
  stop({host_.now_ns()});
  client_.get_deleter().end.reset();
}

void Consumer::begin(const Window& window) {
  must_join_ = true;
  intake_.begin(window);
}

bool Consumer::ping(Deadline deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline.time() - Clock::now()).count();
  return client_->probe(static_cast<int>(std::clamp<std::int64_t>(left, 1, 60'000)));
}

void Consumer::stop(Deadline deadline) {
  // A coordinator that does not answer keeps the group and the handle open. A quarter of the time is for the thread's last
  // steps and for the handle.
  leave_by_ = deadline.time() - (deadline.time() - Clock::now()) / 4;
  client_.get_deleter().leave_time_before(deadline.time());
  is_stopping_ = true;
  intake_.stop();
  wake_.notify();
  thread_.join();
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  health_.set(HealthBoard::reading, CLEAT_HEALTH_UNKNOWN, "");
}

void Consumer::run() {
  while (!is_stopping_) {
    if (must_join_ && !group_.is_member()) group_.join();
    poll_group();
    health_.beat();  // the poll has come back
    keep_positions();
    const bool has_more = read_all();
    keep_house();
    if (!has_more && !is_stopping_) wake_.wait_until(next_due());
  }
  group_.leave(leave_by_);
}

void Consumer::poll_group() {
  for (Message message(rd_kafka_consumer_poll(client_->get(), 0)); message;
       message.reset(rd_kafka_consumer_poll(client_->get(), 0))) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      group_error(*message);
      continue;
    }
    // Records come by their partition's queue; one that slipped in before its queue was set up is put where
    // it belongs.
    for (const auto& partition : group_.partitions()) {
      if (partition->number != message->partition || partition->topic != rd_kafka_topic_name(message->rkt))
        continue;
      partition->waiting.push_back(std::move(message));
      break;
    }
  }
}

void Consumer::group_error(const rd_kafka_message_t& message) {
  if (is_connection_error(message.err) || message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
  const char* text = rd_kafka_message_errstr(&message);
  const bool is_final =
      classify(message.err).status == CLEAT_DENIED || message.err == RD_KAFKA_RESP_ERR__FATAL;
  health_.set(HealthBoard::reading, is_final ? CLEAT_HEALTH_DOWN : CLEAT_HEALTH_DEGRADED,
              config_.service + " reports an error: " +
                  plain_reason(text != nullptr ? text : rd_kafka_err2str(message.err)));
}

/// True: some partition may be read further at once.
bool Consumer::read_all() {
  const Intake::Partitions& partitions = group_.partitions();
  bool has_more = false;
  for (std::size_t i = 0; i < partitions.size(); ++i)
    has_more = read(partitions[(first_ + i) % partitions.size()]) || has_more;
  first_ = partitions.empty() ? 0 : (first_ + 1) % partitions.size();
  return has_more;
}

bool Consumer::read(const std::shared_ptr<Partition>& partition) {
  Partition& one = *partition;
  if (one.failed || one.seek_to || one.is_lost || !one.unknown_start.empty()) return false;
  if (one.waiting.empty() && !one.has_data.load(std::memory_order_acquire)) return false;
  const std::size_t room = intake_.room(one);
  if (room == 0) return false;
  if (one.waiting.empty()) fetch(one, room);
  take(partition, room);
  return !one.failed && !one.is_lost &&
         (one.has_data.load(std::memory_order_acquire) || !one.waiting.empty());
}

/// Moves what librdkafka has ready, at most `room` records, to `waiting`.
void Consumer::fetch(Partition& partition, std::size_t room) {
  std::array<rd_kafka_message_t*, kMostRead> messages{};
  const std::size_t most = std::min(room, messages.size());
  // Before reading: what comes afterwards sets it again.
  partition.has_data.store(false, std::memory_order_release);
  const ssize_t count = rd_kafka_consume_batch_queue(partition.queue.get(), 0, messages.data(), most);
  if (count == static_cast<ssize_t>(most)) partition.has_data.store(true, std::memory_order_release);
  for (ssize_t i = 0; i < count; ++i)
    partition.waiting.emplace_back(messages[static_cast<std::size_t>(i)]);
}

void Consumer::take(const std::shared_ptr<Partition>& partition, std::size_t room) {
  std::deque<Message>& waiting = partition->waiting;
  batch_.clear();
  taken_.clear();
  while (!waiting.empty() && taken_.size() < room) {
    Message message = std::move(waiting.front());
    waiting.pop_front();
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (!taken_.empty()) {  // after those before it are delivered
        waiting.push_front(std::move(message));
        break;
      }
      intake_.reach(*partition, message->offset);
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      failed_message(*partition, *message);
      if (partition->is_lost) break;
    } else if (!intake_.is_acked(*partition, message->offset)) {
      batch_.add(message.get(), 0);
      taken_.push_back(std::move(message));
    } else if (taken_.empty()) {
      intake_.skip_acked(*partition, message->offset);
    } else {  // after those before it are delivered
      waiting.push_front(std::move(message));
      break;
    }
  }
  if (!taken_.empty()) intake_.deliver(partition, *client_, batch_, taken_);
  for (auto refused = taken_.rbegin(); refused != taken_.rend(); ++refused)
    waiting.push_front(std::move(*refused));
  taken_.clear();
  if (partition->failed)
    health_.set(
        HealthBoard::reading, CLEAT_HEALTH_DOWN,
        partition->name() + " is not read further: the host refused a record as invalid; see the log");
}

void Consumer::failed_message(Partition& partition, const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    partition.is_lost = has_seek_ = true;  // looked at in the next round, without waiting
    // The library has no number of its own for the message that tells this.
    const char* const text = rd_kafka_message_errstr(&message);
    partition.is_truncated =
        text != nullptr && std::string_view(text).find(rd_kafka_err2str(RD_KAFKA_RESP_ERR__LOG_TRUNCATION)) !=
                               std::string_view::npos;
  } else {
    group_error(message);
  }
}

/// Back to what was given back, and on from offsets that are gone.
void Consumer::keep_positions() {
  has_seek_ = false;
  const bool may_retry = Clock::now() >= next_seek_;
  learn_starts();
  for (const auto& partition : group_.partitions()) {
    if (partition->is_lost && !partition->failed && may_retry) decide_loss(*partition);
    if (const auto offset = intake_.take_rewind(*partition)) seek(*partition, *offset);
    if (partition->seek_to && may_retry) seek(*partition, *partition->seek_to);
    has_seek_ = has_seek_ || partition->seek_to || !partition->unknown_start.empty() ||
                (partition->is_lost && !partition->failed);
  }
  if (has_seek_ && may_retry) next_seek_ = Clock::now() + kSeekEvery;
}

/// Nothing else is read while a broker is asked, so asking gets a tenth of the time at most.
void Consumer::learn_starts() {
  const auto begun = Clock::now();
  if (begun < next_learn_ || !group_.has_unknown_start()) return;
  group_.learn_starts();
  const auto ended = Clock::now();
  next_learn_ = ended + std::max<Clock::duration>(kSeekEvery, 9 * (ended - begun));
}

void Consumer::decide_loss(Partition& partition) {
  group_.report();
  // Settlements of what is out belong to the old position, of which nothing is committed once this is decided.
  if (intake_.outstanding(partition) != 0) return;
  group_.commit();
  StartPositions::Lost lost{partition.topic, partition.number, intake_.position(partition), 0, 0};
  std::string failure;
  const auto offset = group_.starts().after_loss(*client_, lost, failure, kSeekMs);
  health_.beat();
  if (!failure.empty()) return;
  if (!partition.is_truncated && lost.low <= lost.from && lost.from <= lost.high && may_doubt(partition)) {
    // What was said of an earlier assignment, or of another moment: it is all there.
    partition.is_lost = false;
    return group_.rejoin();
  }
  if (!offset) {
    partition.failed = true;
    health_.set(
        HealthBoard::reading, CLEAT_HEALTH_DOWN,
        StartPositions::sentence(lost) +
            ". Nothing is skipped unasked: set onOffsetLost to oldest or newest, or set the group's offset, "
            "and restart");
    return;
  }
  // A partition that stopped like this cannot be set to another offset; a new assignment begins at what is
  // committed.
  const PartitionList list = new_list(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)->offset = *offset;
  if (!commit_and_wait(*client_, *list, milliseconds(kSeekMs)).empty()) return;
  group_.starts().note(partition.topic, partition.number, *offset);
  partition.failed = true;
  group_.rejoin();
}

/// Not again soon: a broker that keeps to its word is believed, for each doubt is a rebalance.
bool Consumer::may_doubt(const Partition& partition) {
  const auto now = Clock::now();
  const auto [last, is_first] = doubted_.try_emplace({partition.topic, partition.number}, now);
  if (!is_first && now < last->second + kDoubtEvery) return false;
  last->second = now;
  return true;
}

void Consumer::seek(Partition& partition, std::int64_t offset) {
  partition.waiting.clear();
  partition.seek_to = offset;
  const PartitionList list = new_list(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)->offset = offset;
  const RdError error(rd_kafka_seek_partitions(client_->get(), list.get(), kSeekMs));
  health_.beat();
  if (!error && list->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    partition.seek_to.reset();
    partition.refused_seeks = 0;
    partition.has_data = true;
    return;
  }
  // A partition that the library has stopped by itself is not set back by asking again; a new assignment begins where it
  // has to.
  const bool is_refused = !error && list->elems[0].err == RD_KAFKA_RESP_ERR__STATE;
  partition.refused_seeks = is_refused ? partition.refused_seeks + 1 : 0;
  if (partition.refused_seeks >= kMostRefusedSeeks) {
    partition.refused_seeks = 0;
    group_.commit();
    group_.rejoin();
  }
  host_.log(CLEAT_LOG_DEBUG, "the partition could not be set back yet",
            {{"partition", partition.name()},
             {"error", error ? text_of(error) : rd_kafka_err2str(list->elems[0].err)}});
}

void Consumer::keep_house() {
  const auto now = Clock::now();
  if ((intake_.has_progress() || group_.has_unsent()) && now >= next_commit_) {
    intake_.clear_progress();
    group_.commit();
    group_.report();
    next_commit_ = now + kCommitEvery;
  }
  if (now >= next_look_) {
    group_.report_stall();
    next_look_ = now + kLookEvery;
  }
  group_.rejoin_if_needed();
  if (!client_->is_up() && now >= next_probe_) {
    client_->probe(kProbeMs);
    next_probe_ = Clock::now() + kProbeEvery;
  }
}

Consumer::Clock::time_point Consumer::next_due() {
  auto due = Clock::now() + kIdleWait;
  if (intake_.has_progress() || group_.has_unsent()) due = std::min(due, next_commit_);
  if (!client_->is_up()) due = std::min(due, next_probe_);
  if (has_seek_) due = std::min(due, next_seek_);
  if (intake_.has_stalled(group_.partitions())) due = std::min(due, next_look_);
  return due;
}

}  // namespace cleat::kafka
