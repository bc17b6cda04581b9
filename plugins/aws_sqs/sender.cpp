#include "sender.hpp"

#include <algorithm>
#include <utility>

#include "batch.hpp"
#include "common/deadlines.hpp"

namespace cleat::sqs {
namespace {

constexpr std::size_t kMostInBatch = 10;
// What a batch may weigh together everywhere; a message that is larger goes alone.
constexpr std::size_t kMostBatchBytes = std::size_t{256} << 10U;
constexpr std::size_t kMostRequests = 16;
constexpr std::size_t kMostCalls = 8192;
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

}  // namespace

/// One batch of a FIFO queue at a time, so that those of a group arrive in the order of the calls.
Sender::Sender(Host host, Queue& queue, const SqsConfig& config)
    : host_(host),
      queue_(queue),
      config_(config),
      most_requests_(config.queue.is_fifo() ? 1 : kMostRequests) {}

void Sender::invoke(const Request& request, Call&& call) {
  Outgoing message = outgoing_of(request, config_);
  const std::size_t size = message.json.size();
  const std::size_t calls = count_.fetch_add(1), bytes = bytes_.fetch_add(size);
  if (calls >= kMostCalls || (bytes != 0 && bytes + size > kMostBytes)) {
    count_.fetch_sub(1);
    bytes_.fetch_sub(size);
    throw Error(CLEAT_THROTTLED,
                "SQS is slower than its callers: " + std::to_string(calls) + " calls with " +
                    std::to_string(bytes) + " bytes wait for it already",
                CLEAT_RETRYABLE);
  }
  auto pending = std::make_shared<Pending>(Pending{request.id(), std::move(call), std::move(message)});
  pending->deadline_ns = request.deadline().at_ns != 0 ? request.deadline().at_ns : INT64_MAX;
  queue_.loop().post([this, pending] { begin(pending); });
}

void Sender::cancel(std::uint64_t call_id) {
  queue_.loop().post([this, call_id] {
    const auto found = calls_.find(call_id);
    if (found == calls_.end()) return;
    const PendingPtr pending = found->second;
    give_up(pending, CLEAT_CANCELLED, "nobody waits for the answer any more");
  });
}

void Sender::begin(const PendingPtr& pending) {
  calls_[pending->id] = pending;
  if (is_ended_) return fail(pending, CLEAT_CANCELLED, "the component has stopped", true);
  const Deadline deadline{pending->deadline_ns};
  pending->timer = queue_.loop().at(deadline.time(), [this, pending] {
    pending->timer = 0;
    give_up(pending, CLEAT_TIMEOUT,
            pending->was_sent ? "SQS did not answer within the time of the call"
                              : "the message could not be sent within the time of the call");
  });
  if (waiting_.empty()) waiting_since_ = std::chrono::steady_clock::now();
  pending->place = waiting_.insert(waiting_.end(), pending);
  pending->is_waiting = true;
  if (std::exchange(is_flushing_, true)) return;
  // What came together goes together.
  queue_.loop().before_sleep([this] {
    is_flushing_ = false;
    queue_.when_found([this](const aws::Failure* failure) {
      if (failure == nullptr) return flush();
      while (!waiting_.empty()) {
        const PendingPtr first = waiting_.front();
        fail(first, failure->status, failure->text, failure->is_retryable, failure->retry_after_ms);
      }
    });
  });
}

bool Sender::is_due() const {
  return requests_ == 0 || waiting_.size() >= kMostInBatch ||
         std::chrono::steady_clock::now() >= waiting_since_ + config_.linger;
}

void Sender::flush() {
  while (requests_ < most_requests_ && !waiting_.empty() && is_due()) {
    send(next_batch());
    waiting_since_ = std::chrono::steady_clock::now();
  }
  if (waiting_.empty() || requests_ >= most_requests_ || linger_ != 0) return;
  linger_ = queue_.loop().at(waiting_since_ + config_.linger, [this] {
    linger_ = 0;
    flush();
  });
}

Sender::Batch Sender::next_batch() {
  Batch batch;
  std::size_t bytes = 0;
  while (!waiting_.empty() && batch.size() < kMostInBatch) {
    const PendingPtr& next = waiting_.front();
    if (!batch.empty() && bytes + next->message.bytes > kMostBatchBytes) break;
    bytes += next->message.bytes;
    next->is_waiting = false;
    batch.push_back(next);
    waiting_.pop_front();
  }
  return batch;
}

void Sender::send(Batch batch) {
  Queue::Ask ask;
  ask.action = Action::send;
  Entries entries;
  for (const PendingPtr& each : batch) {
    entries.add(each->message.json);
    ask.deadline_ns = std::max(ask.deadline_ns, each->deadline_ns);
  }
  ask.members = entries.members();
  for (const PendingPtr& each : batch)
    each->may_go_until_ns = ask.deadline_ns;
  ask.may_run_twice =
      std::all_of(batch.begin(), batch.end(), [](const PendingPtr& each) { return each->message.is_once; });
  const auto all = std::make_shared<const Batch>(std::move(batch));
  ask.on_begin = [all] {
    for (const PendingPtr& each : *all)
      each->was_sent = true;
  };
  ++requests_;
  queue_.ask(std::move(ask), [this, all](const common::JsonValue* answer, const aws::Failure* failure) {
    answered(*all, answer, failure);
  });
}

void Sender::answered(const Batch& batch, const common::JsonValue* answer, const aws::Failure* failure) {
  --requests_;
  if (answer != nullptr) {
    take(batch, *answer);
  } else {
    for (const PendingPtr& each : batch)
      fail(each, failure->status, failure->text, failure->is_retryable, failure->retry_after_ms);
  }
  if (!is_ended_) flush();
}

void Sender::take(const Batch& batch, const common::JsonValue& answer) {
  const std::vector<EntryAnswer> entries = entries_of(answer, batch.size(), "SQS SendMessageBatch");
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const PendingPtr& pending = batch[i];
    const aws::Failure& failure = entries[i].failure;
    if (pending->is_over) continue;
    if (entries[i].successful == nullptr) {
      fail(pending, failure.status, failure.text, failure.is_retryable);
      continue;
    }
    Response response;
    for (const char* name : {"MessageId", "SequenceNumber"}) {
      const common::JsonValue* value = entries[i].successful->find(name);
      if (value != nullptr && !value->text.empty()) response.metadata.emplace_back(name, value->text);
    }
    pending->call.complete(std::move(response));
    finish(pending);
  }
}

/// Before the queue has answered. A request that has not begun goes out all the same while another call of it has time.
void Sender::give_up(const PendingPtr& pending, cleat_status status, const std::string& why) {
  const bool is_open = pending->was_sent || common::ns_after({}) < pending->may_go_until_ns;
  const std::string text = is_open ? why + "; the message was on its way and may be in the queue" : why;
  fail(pending, status, text, !is_open || pending->message.is_once);
}

void Sender::fail(const PendingPtr& pending, cleat_status status, const std::string& why, bool is_retryable,
                  std::uint32_t retry_after_ms) {
  if (pending->is_over) return;
  pending->call.fail(
      {sizeof(cleat_failure), status, is_retryable ? CLEAT_RETRYABLE : 0, retry_after_ms, 0, str(why)});
  finish(pending);
}

void Sender::finish(const PendingPtr& pending) {
  pending->is_over = true;
  if (std::exchange(pending->is_waiting, false)) waiting_.erase(pending->place);
  if (pending->timer != 0) queue_.loop().cancel(std::exchange(pending->timer, 0));
  count_.fetch_sub(1);
  bytes_.fetch_sub(pending->message.json.size());
  calls_.erase(pending->id);
}

void Sender::end() {
  is_ended_ = true;
  if (linger_ != 0) queue_.loop().cancel(std::exchange(linger_, 0));
  while (!calls_.empty()) {
    const PendingPtr pending = calls_.begin()->second;
    give_up(pending, CLEAT_CANCELLED, "the component stopped before SQS had answered");
  }
}

}  // namespace cleat::sqs
