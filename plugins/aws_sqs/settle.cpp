#include <utility>

#include "batch.hpp"
#include "common/deadlines.hpp"
#include "common/json_text.hpp"
#include "receiver.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostInBatch = 10;
constexpr std::size_t kMostDeletes = 8;  // requests at a time
constexpr auto kAnswerWithin = 10s;

}  // namespace

void Receiver::settle(const std::vector<cleat_settlement>& items) {
  is_host_full_ = false;
  for (const cleat_settlement& one : items)
    settle_one(one);
  deliver_backlog();
  pump();
}

void Receiver::settle_one(const cleat_settlement& one) {
  const auto found = out_.find(one.event_id);
  if (found == out_.end() || found->second.is_done) return;
  Lease& lease = found->second;
  const std::uint64_t lane = lease.lane;
  const auto closed = lanes_.delay(lane);
  if (one.verdict == CLEAT_ACK) {
    // Also what others may have by now: it is done.
    acknowledge(one.event_id, lease);
  } else if (one.verdict == CLEAT_REJECT) {
    if (!has_redrive_ && !std::exchange(said_no_redrive_, true))
      host_.log(CLEAT_LOG_ERROR,
                "deadLetter: broker has no effect: the queue shows no redrive policy, so rejected messages "
                "come again",
                {{"queue", config_.queue.name}});
    // The queue counts how often it was received, and puts it aside itself.
    out_.erase(found);
  } else if (lease.is_lost || (one.flags & CLEAT_MAY_STILL_RUN) != 0) {
    out_.erase(found);
  } else if (one.verdict == CLEAT_ABANDON) {
    hand_back(one.event_id, std::chrono::seconds(closed.value_or(0)));
  } else {
    hand_back(one.event_id, std::chrono::milliseconds(one.requeue_after_ms));
  }
  lanes_.came_back(lane);
}

/// With it goes all of its group, as the host knows it too.
void Receiver::hand_back(std::uint64_t event, std::chrono::milliseconds delay) {
  const auto found = out_.find(event);
  const std::uint64_t lane = found->second.lane;
  const std::chrono::seconds seconds =
      found->second.allowed(std::chrono::ceil<std::chrono::seconds>(delay), Clock::now());
  give_back(event, found->second, seconds);
  out_.erase(found);
  if (const auto group = lanes_.close(lane, static_cast<std::uint32_t>(seconds.count())))
    hand_back_group(*group, seconds);
}

void Receiver::hand_back_group(const std::string& group, std::chrono::seconds delay) {
  for (auto each = backlog_.begin(); each != backlog_.end();) {
    if (each->message.group != group) {
      ++each;
      continue;
    }
    give_back(each->event, each->lease, delay);
    each = backlog_.erase(each);
  }
}

void Receiver::acknowledge(std::uint64_t event, Lease& lease) {
  lease.is_done = true;
  ++done_;
  deletes_.push_back(event);
  flush_soon();
}

/// What is settled together goes together.
void Receiver::flush_soon() {
  if (std::exchange(is_flushing_, true)) return;
  loop_.before_sleep([this] {
    is_flushing_ = false;
    send_deletes();
    send_changes();
  });
}

/// At once while nothing is on its way; otherwise full batches, and the rest with the next answer.
void Receiver::send_deletes() {
  while (delete_timer_ == 0 && !deletes_.empty() && deleting_ < kMostDeletes &&
         (deleting_ == 0 || deletes_.size() >= kMostInBatch)) {
    std::vector<std::uint64_t> events;
    Queue::Ask ask;
    ask.action = Action::remove;
    Entries entries;
    for (; events.size() < kMostInBatch && !deletes_.empty(); deletes_.pop_front()) {
      const auto found = out_.find(deletes_.front());
      if (found == out_.end()) continue;
      entries.add("\"ReceiptHandle\":" + common::json_string(found->second.receipt));
      events.push_back(found->first);
    }
    if (events.empty()) return;
    ask.members = entries.members();
    ask.deadline_ns = common::ns_after(kAnswerWithin);
    ++deleting_;
    queue_.ask(std::move(ask),
               [this, events = std::move(events)](const common::JsonValue* answer, const aws::Failure*) {
                 deleted(events, answer);
               });
  }
}

/// Repeated until the queue has confirmed it, or says that it never will.
void Receiver::deleted(const std::vector<std::uint64_t>& events, const common::JsonValue* answer) {
  --deleting_;
  std::vector<EntryAnswer> entries(events.size());
  if (answer != nullptr) entries = entries_of(*answer, events.size(), "SQS DeleteMessageBatch");
  bool has_more = false;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (entries[i].successful == nullptr && !entries[i].is_refused) {
      deletes_.push_back(events[i]);
      has_more = true;
      continue;
    }
    if (entries[i].is_refused)
      host_.log(CLEAT_LOG_WARN, "SQS does not delete a message that was acknowledged: it will come again",
                {{"queue", config_.queue.name},
                 {"message", out_[events[i]].message_id},
                 {"reason", entries[i].failure.text}});
    forget_done(events[i]);
  }
  if (has_more && !is_closed_) {
    if (delete_timer_ == 0)
      delete_timer_ = loop_.after(delete_back_off_.next(), [this] {
        delete_timer_ = 0;
        send_deletes();
      });
  } else if (!has_more) {
    delete_back_off_.reset();
  }
  if (is_closed_) return;
  send_deletes();
  look_if_settled();
  pump();
}

void Receiver::forget_done(std::uint64_t event) {
  if (out_.erase(event) != 0) --done_;
}

}  // namespace cleat::sqs
