#include "common/kafka/start_positions.hpp"

#include <algorithm>
#include <memory>

#include "common/kafka/errors.hpp"

namespace cleat::kafka {
namespace {

/// For one answer: a stop waits for it.
constexpr int kLearnMs = 2'000;

struct EventDelete {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};

/// Puts the number of partitions of one topic into `counts`: 0 for one that does not exist yet, nothing for one
/// of which no number can be learned, such as one that must not be read yet. False: no broker answered.
bool count_partitions(Client& client, const std::string& name, std::map<std::string, std::int32_t>& counts) {
  const Topic topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  if (!topic) return true;
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client.get(), 0, topic.get(), &metadata, kLearnMs) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return false;
  if (metadata->topic_cnt > 0) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    if (found.err == RD_KAFKA_RESP_ERR_NO_ERROR)
      counts[name] = found.partition_cnt;
    else if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
             found.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
      counts[name] = 0;
  }
  rd_kafka_metadata_destroy(metadata);
  return true;
}

}  // namespace

std::string commit_and_wait(Client& client, const rd_kafka_topic_partition_list_t& list,
                            std::chrono::milliseconds most, std::map<PartitionKey, std::string>* refused) {
  const Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_resp_err_t error = rd_kafka_commit_queue(client.get(), &list, queue.get(), nullptr, nullptr);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rd_kafka_err2str(error);
  const std::unique_ptr<rd_kafka_event_t, EventDelete> event(
      rd_kafka_queue_poll(queue.get(), static_cast<int>(most.count())));
  if (!event) return "no broker answered within " + std::to_string(most.count()) + " ms";
  error = rd_kafka_event_error(event.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  // The error of the whole is that of the last partition that has one.
  const rd_kafka_topic_partition_list_t* const answered = rd_kafka_event_topic_partition_list(event.get());
  bool is_any_stored = false;
  for (int i = 0; refused != nullptr && answered != nullptr && i < answered->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = answered->elems[i];
    is_any_stored = is_any_stored || one.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      (*refused)[{one.topic, one.partition}] = rd_kafka_err2str(one.err);
  }
  if (is_any_stored) return {};
  if (refused != nullptr) refused->clear();
  return rd_kafka_err2str(error);
}

bool StartPositions::learn_topics(Client& client) {
  if (first_count_) return true;
  std::map<std::string, std::int32_t> counts;
  for (const std::string& topic : config_.topics) {
    if (!count_partitions(client, topic, counts)) return false;
  }
  first_count_ = std::move(counts);
  return true;
}

int StartPositions::ms_until(std::chrono::steady_clock::time_point end) const {
  if (is_stopping_) return 0;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kLearnMs));
}

bool StartPositions::is_new(const Key& key) const {
  const auto topic = first_count_->find(key.first);
  return topic != first_count_->end() && key.second >= topic->second;
}

/// What is kept outside of Kafka of the partitions without an offset. Half of the time stays for the brokers.
StartPositions::Kept StartPositions::ask_elsewhere(const rd_kafka_topic_partition_list_t& list,
                                                   std::chrono::steady_clock::time_point end) const {
  std::vector<Key> asked;
  for (int i = 0; config_.first_starts && i < list.cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list.elems[i];
    Key key{one.topic, one.partition};
    if (one.offset < 0 && one.err == RD_KAFKA_RESP_ERR_NO_ERROR && known_.count(key) == 0)
      asked.push_back(std::move(key));
  }
  if (asked.empty()) return {};
  const auto now = std::chrono::steady_clock::now();
  return config_.first_starts(asked, now + (end - now) / 2);
}

/// Decides for a partition whose offset is gone. Returns why it could not.
std::string StartPositions::start_after_loss(Client& client, rd_kafka_topic_partition_t& one,
                                             std::int64_t from, int timeout_ms, std::vector<Lost>& lost) {
  Lost loss{one.topic, one.partition, from, 0, 0};
  std::string failure;
  const auto offset = after_loss(client, loss, failure, timeout_ms);
  if (!offset && failure.empty()) lost.push_back(loss);
  one.offset = offset.value_or(from);
  return failure;
}

/// Decides for a partition without a committed offset. Returns why it could not.
std::string StartPositions::start_of(Client& client, rd_kafka_topic_partition_t& one, const Kept& kept,
                                     int timeout_ms, std::vector<Lost>& lost) {
  const Key key{one.topic, one.partition};
  const auto known = known_.find(key);
  if (known != known_.end()) return start_after_loss(client, one, known->second, timeout_ms, lost);
  const auto found = kept.find(key);
  if (found != kept.end() && !found->second.failure.empty()) return found->second.failure;
  const std::optional<std::int64_t> elsewhere = found != kept.end() ? found->second.offset : std::nullopt;
  std::int64_t low = 0;
  std::int64_t high = 0;
  const rd_kafka_resp_err_t error =
      rd_kafka_query_watermark_offsets(client.get(), one.topic, one.partition, &low, &high, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rd_kafka_err2str(error);
  if (elsewhere && (*elsewhere < low || *elsewhere > high))
    return start_after_loss(client, one, *elsewhere, timeout_ms, lost);
  const bool from_beginning = config_.initial_offset == Settings::Start::oldest || is_new(key);
  one.offset = elsewhere.value_or(from_beginning ? low : high);
  const char* const where = elsewhere ? "kept start" : from_beginning ? "beginning" : "end";
  host_.log(
      CLEAT_LOG_INFO, "no committed offset: reading begins at the " + std::string(where),
      {{"partition", key.first + "/" + std::to_string(key.second)}, {"offset", std::to_string(one.offset)}});
  return {};
}

StartPositions::Outcome StartPositions::resolve(Client& client, rd_kafka_topic_partition_list_t& list,
                                                std::chrono::steady_clock::time_point end) {
  Outcome outcome;
  if (!learn_topics(client)) return {"no broker told the topics' partitions", {}, {}};
  const rd_kafka_resp_err_t error = rd_kafka_committed(client.get(), &list, std::max(ms_until(end), 1));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return {rd_kafka_err2str(error), {}, {}};
  const Kept kept = ask_elsewhere(list, end);
  const PartitionList starts = new_list(static_cast<std::size_t>(list.cnt));
  for (int i = 0; i < list.cnt; ++i) {
    rd_kafka_topic_partition_t& one = list.elems[i];
    const bool has_offset = one.offset >= 0;
    const std::size_t lost_before = outcome.lost.size();
    const int left = ms_until(end);
    std::string why;
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      why = rd_kafka_err2str(one.err);
    else if (!has_offset && left == 0)
      why = "no broker was asked yet";
    else if (!has_offset)
      why = start_of(client, one, kept, left, outcome.lost);
    if (!why.empty()) {
      outcome.unknown[{one.topic, one.partition}] = why;
      one.offset = RD_KAFKA_OFFSET_END;
      one.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    } else if (!has_offset && outcome.lost.size() == lost_before) {
      rd_kafka_topic_partition_list_add(starts.get(), one.topic, one.partition)->offset = one.offset;
    }
  }
  std::map<Key, std::string> refused;
  if (starts->cnt > 0)
    outcome.failure = is_stopping_
                          ? "the component stops"
                          : commit_and_wait(client, *starts, std::chrono::milliseconds(kLearnMs), &refused);
  if (!outcome.failure.empty()) return outcome;
  for (int i = 0; i < list.cnt; ++i) {
    const auto why = refused.find({list.elems[i].topic, list.elems[i].partition});
    if (why != refused.end()) {
      outcome.unknown[why->first] = "its start cannot be committed: " + why->second;
      list.elems[i].offset = RD_KAFKA_OFFSET_END;
    }
    if (list.elems[i].offset >= 0) note(list.elems[i].topic, list.elems[i].partition, list.elems[i].offset);
  }
  return outcome;
}

std::optional<std::int64_t> StartPositions::after_loss(Client& client, Lost& lost, std::string& failure,
                                                       int timeout_ms) {
  const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
      client.get(), lost.topic.c_str(), lost.partition, &lost.low, &lost.high, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    failure = rd_kafka_err2str(error);
    return std::nullopt;
  }
  if (config_.on_offset_lost == Settings::OffsetLost::stop) return std::nullopt;
  const bool oldest = config_.on_offset_lost == Settings::OffsetLost::oldest;
  const std::int64_t to = oldest ? lost.low : lost.high;
  host_.log(CLEAT_LOG_WARN,
            sentence(lost) + "; reading goes on at " + std::to_string(to) + " as onOffsetLost says");
  return to;
}

std::string StartPositions::sentence(const Lost& lost) {
  return "the offset " + std::to_string(lost.from) + " of " + lost.topic + "/" +
         std::to_string(lost.partition) + " is gone: the partition holds " + std::to_string(lost.low) +
         " to " + std::to_string(lost.high) + " now";
}

}  // namespace cleat::kafka
