#include "common/kafka/producer.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "common/kafka/errors.hpp"

namespace cleat::kafka {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr int kIdlePollMs = 1'000, kBusyPollMs = 100, kProbeMs = 300;
constexpr std::uint64_t kProbeEveryNs = 1'000 * kNsPerMs;
/// So long before its deadline a call that still waits for a broker is answered with the cause, but never more than a quarter
/// of its time.
constexpr std::uint64_t kMarginNs = 500 * kNsPerMs;

/// Blocking, it would wait for a thread of the library that itself waits for a name server.
constexpr int kPurgeAll = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING;

struct HeadersDelete {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, HeadersDelete>;

Headers headers_of(const Record& record) {
  if (record.headers.empty()) return nullptr;
  Headers headers(rd_kafka_headers_new(record.headers.size()));
  for (const auto& [name, value] : record.headers)
    rd_kafka_header_add(headers.get(), name.empty() ? "" : name.data(), static_cast<ssize_t>(name.size()),
                        value.empty() ? "" : value.data(), static_cast<ssize_t>(value.size()));
  return headers;
}

/// librdkafka tells "empty" from "none" by the pointer.
const char* data_of(const std::optional<std::string_view>& text) {
  if (!text) return nullptr;
  return text->data() == nullptr ? "" : text->data();
}

}  // namespace

Producer::Producer(const Settings& config, Host host, HealthBoard& health, ReadRequest read)
    : host_(host), config_(config), read_(std::move(read)) {
  Client::Callbacks callbacks;
  callbacks.delivered = [this](const rd_kafka_message_t& report) { delivered(report); };
  callbacks.want_token = config.security.want_token;
  client_.reset(
      Client::create(Client::producer, producer_properties(config), host, health, std::move(callbacks)));
  topic_.reset(rd_kafka_topic_new(client_->get(), config.publish_topic.c_str(), nullptr));
  if (!topic_)
    throw Error(CLEAT_INVALID, config.prefix + "topic '" + config.publish_topic +
                                   "' cannot be used: " + rd_kafka_err2str(rd_kafka_last_error()));
  queue_.reset(rd_kafka_queue_get_main(client_->get()));
  thread_ = std::thread([this] { run(); });
}

Producer::~Producer() {
  stopping_ = quit_ = true;
  rd_kafka_purge(client_->get(), kPurgeAll);
  rd_kafka_queue_yield(queue_.get());
  if (thread_.joinable()) thread_.join();
}

void Producer::create(const Request& request, Call&& call) {
  std::unique_lock lock(mutex_);
  Record record = read_(request);
  const bool was_empty = calls_.empty();
  Pending& pending = calls_.emplace_back(std::move(call), request, std::move(record));
  pending.place = std::prev(calls_.end());
  const std::uint64_t deadline = request.raw().deadline_ns;
  const std::uint64_t begun = now();
  pending.answer_by_ns = deadline > begun ? deadline - std::min(kMarginNs, (deadline - begun) / 4) : deadline;
  lock.unlock();
  // The thread may sleep for kIdlePollMs; a call that ends sooner is not to wait for that.
  const bool is_short = deadline != 0 && deadline < now() + 2 * kIdlePollMs * kNsPerMs;
  send(pending);  // the call may be completed from here on
  if (was_empty && is_short) rd_kafka_queue_yield(queue_.get());
}

void Producer::send(Pending& pending) {
  const Record& record = pending.record;
  Headers headers = headers_of(record);
  const std::int32_t partition = record.partition.value_or(RD_KAFKA_PARTITION_UA);
  const std::size_t key_size = record.key ? record.key->size() : 0;
  const std::size_t value_size = record.value ? record.value->size() : 0;
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client_->get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_KEY(data_of(record.key), key_size),
      RD_KAFKA_V_VALUE(const_cast<char*>(data_of(record.value)), value_size), RD_KAFKA_V_MSGFLAGS(0),
      RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(&pending), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    headers.release();
  } else if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && record.partition) {
    // How many there are is a question to the broker, and this thread must not wait.
    const std::lock_guard lock(mutex_);
    misdirected_.push_back(&pending);
    rd_kafka_queue_yield(queue_.get());
  } else {
    finish(pending, error);
  }
}

void Producer::delivered(const rd_kafka_message_t& report) {
  auto& pending = *static_cast<Pending*>(report._private);
  // Kept also for when it is sent again: the library knows only of what it has in hand.
  if (rd_kafka_message_status(&report) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED)
    pending.may_be_written = true;
  const bool has_time = pending.answer_by_ns == 0 || pending.answer_by_ns > now();
  // Taken out because of another call that had no time left.
  if (report.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE && !stopping_ && has_time)
    send(pending);
  else
    finish(pending, report.err);
}

void Producer::finish(Pending& pending, rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (!client_->is_up()) client_->set_health(CLEAT_HEALTH_UP, "");
    pending.call.complete();
  } else {
    fail(pending, error);
  }
  const std::lock_guard lock(mutex_);
  calls_.erase(pending.place);
  if (calls_.empty()) empty_.notify_all();
}

void Producer::fail(Pending& pending, rd_kafka_resp_err_t error) {
  ErrorClass what = classify(error);
  std::string text = rd_kafka_err2str(error);
  const bool waited = error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || error == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                      error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (waited && client_->is_down()) {
    what = {client_->down_status(), CLEAT_RETRYABLE};
    text = client_->why();
  } else if (waited && !stopping_) {
    what = {CLEAT_TIMEOUT, CLEAT_RETRYABLE};
    text = "no broker took the record of topic '" + config_.publish_topic + "' within the time of the call";
  } else if (waited) {
    text = "the component stopped before a broker acknowledged the record";
  } else if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && pending.record.partition) {
    text = out_of_range_text(*pending.record.partition, partition_count());
  } else if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    text = "the queue of records that wait for a broker is full";
  } else {
    text = config_.call_prefix + text + " (topic '" + config_.publish_topic + "')";
  }
  if (pending.may_be_written) {
    what.flags = 0;
    text += "; it had been sent, so a broker may have it";
  }
  pending.call.fail(what.status, text, what.flags, error);
}

std::int32_t Producer::partition_count() {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client_->get(), 0, topic_.get(), &metadata, 1'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return 0;
  const std::int32_t count = metadata->topic_cnt > 0 ? metadata->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(metadata);
  return count;
}

void Producer::run() {
  std::uint64_t next_probe = 0;
  while (!quit_) {
    bool is_busy = false;
    {
      const std::lock_guard lock(mutex_);
      is_busy = !calls_.empty();
    }
    rd_kafka_poll(client_->get(), is_busy || !client_->is_up() ? kBusyPollMs : kIdlePollMs);
    refuse_partitions();
    keep_deadlines();
    if (!client_->is_up() && now() >= next_probe && !stopping_) {
      client_->probe(kProbeMs);
      next_probe = now() + kProbeEveryNs;
    }
  }
}

void Producer::refuse_partitions() {
  std::deque<Pending*> refused;
  {
    const std::lock_guard lock(mutex_);
    refused.swap(misdirected_);
  }
  for (Pending* pending : refused)
    finish(*pending, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
}

/// Calls are in the order of their beginning and have the same time, so the oldest ones end first.
void Producer::keep_deadlines() {
  bool is_due = false;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t limit = now();
    for (Pending& pending : calls_) {
      if (pending.answer_by_ns == 0 || pending.answer_by_ns > limit) break;
      is_due = is_due || !pending.was_due;
      pending.was_due = true;
    }
  }
  // All that has not gone to a broker comes back; delivered() sends again what still has time. What is on its
  // way to a broker stays: nobody knows yet whether it was written.
  if (is_due) rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

bool Producer::ping(Deadline deadline) {
  const std::uint64_t start = now();
  const std::uint64_t left = deadline.at_ns > start ? (deadline.at_ns - start) / kNsPerMs : 0;
  return client_->probe(static_cast<int>(std::clamp<std::uint64_t>(left, 1, 60'000)));
}

void Producer::stop(Deadline deadline) {
  stopping_ = true;
  client_.get_deleter().leave_time_before(deadline.time());
  const auto no_calls = [this] { return calls_.empty(); };
  std::unique_lock lock(mutex_);
  if (!client_->is_down())
    empty_.wait_until(lock, deadline.time() - std::chrono::milliseconds(500), no_calls);
  if (!no_calls()) {
    lock.unlock();
    rd_kafka_purge(client_->get(), kPurgeAll);
    rd_kafka_queue_yield(queue_.get());
    lock.lock();
    empty_.wait_until(lock, deadline.time(), no_calls);
  }
  lock.unlock();
  quit_ = true;
  rd_kafka_queue_yield(queue_.get());
  thread_.join();
}

}  // namespace cleat::kafka
