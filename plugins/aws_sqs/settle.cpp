#include <algorithm>
#include <charconv>
#include <utility>

#include "common/deadlines.hpp"
#include "common/json_text.hpp"
#include "receiver.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostInBatch = 10;
constexpr std::size_t kMostDeletes = 8;  // requests at a time
constexpr auto kAnswerWithin = 10s;
/// SQS keeps a message invisible for so long from its receipt, delays included.
constexpr std::int64_t kLongest = 12 * 3600;

std::uint32_t seconds_of(std::uint32_t ms) {
  return ms / 1000U + (ms % 1000U != 0 ? 1 : 0);
}

/// The places in a batch that `list` names.
template <class F>
void each_failed(const common::JsonValue& answer, std::size_t count, const F& use) {
  const common::JsonValue* entries = answer.find("Failed");
  if (entries == nullptr) return;
  for (const common::JsonValue& entry : entries->items) {
    const common::JsonValue* id = entry.find("Id");
    const common::JsonValue* fault = entry.find("SenderFault");
    std::size_t index = count;
    if (id != nullptr) std::from_chars(id->text.data(), id->text.data() + id->text.size(), index);
    const bool is_final = fault != nullptr && (fault->raw == "true" || fault->text == "true");
    if (index < count) use(index, is_final);
  }
}

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
    hand_back(one.event_id, closed.value_or(0));
  } else {
    hand_back(one.event_id, seconds_of(one.requeue_after_ms));
  }
  lanes_.came_back(lane);
}

/// With it goes all of its group, as the host knows it too.
void Receiver::hand_back(std::uint64_t event, std::uint32_t seconds) {
  const auto found = out_.find(event);
  const std::uint64_t lane = found->second.lane;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - found->second.received_at);
  seconds = static_cast<std::uint32_t>(std::clamp<std::int64_t>(kLongest - age.count() - 1, 0, seconds));
  give_back(std::move(found->second.receipt), seconds);
  out_.erase(found);
  if (const auto group = lanes_.close(lane, seconds)) hand_back_group(*group, seconds);
}

void Receiver::hand_back_group(const std::string& group, std::uint32_t seconds) {
  for (auto each = backlog_.begin(); each != backlog_.end();) {
    if (each->message.group != group) {
      ++each;
      continue;
    }
    give_back(std::move(each->lease.receipt), seconds);
    each = backlog_.erase(each);
  }
}

void Receiver::give_back(std::string receipt, std::uint32_t seconds) {
  change({std::move(receipt), seconds, 0});
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
    ask.members = ",\"Entries\":[";
    for (; events.size() < kMostInBatch && !deletes_.empty(); deletes_.pop_front()) {
      const auto found = out_.find(deletes_.front());
      if (found == out_.end()) continue;
      ask.members += (events.empty() ? "{\"Id\":\"" : ",{\"Id\":\"") + std::to_string(events.size()) +
                     "\",\"ReceiptHandle\":" + common::json_string(found->second.receipt) + "}";
      events.push_back(found->first);
    }
    if (events.empty()) return;
    ask.members += "]";
    ask.deadline_ns = common::ns_after(kAnswerWithin);
    ++deleting_;
    queue_.ask(std::move(ask), [this, events = std::move(events)](const common::JsonValue* answer,
                                                                  const aws::Failure* failure) {
      deleted(events, answer, failure);
    });
  }
}

void Receiver::deleted(const std::vector<std::uint64_t>& events, const common::JsonValue* answer,
                       const aws::Failure* failure) {
  --deleting_;
  std::vector<bool> again(events.size(), failure != nullptr);
  std::size_t refused = 0;
  if (answer != nullptr) {
    each_failed(*answer, events.size(), [&](std::size_t index, bool is_final) {
      again[index] = !is_final;
      refused += is_final ? 1 : 0;
    });
  }
  bool has_more = false;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto found = out_.find(events[i]);
    if (found == out_.end()) continue;
    if (again[i] && !found->second.is_lost) {
      deletes_.push_back(events[i]);
      has_more = true;
    } else {
      forget_done(events[i]);
    }
  }
  if (refused != 0)
    host_.log(CLEAT_LOG_WARN,
              "SQS does not delete messages that were acknowledged too late: they may come again",
              {{"queue", config_.queue.name}, {"messages", std::to_string(refused)}});
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

void Receiver::change(Change change) {
  changes_.push_back(std::move(change));
  flush_soon();
}

void Receiver::send_changes() {
  while (!changes_.empty() && !is_closed_) {
    const auto end = changes_.begin() + static_cast<std::ptrdiff_t>(std::min(changes_.size(), kMostInBatch));
    std::vector<Change> batch(std::make_move_iterator(changes_.begin()), std::make_move_iterator(end));
    changes_.erase(changes_.begin(), end);
    Queue::Ask ask;
    ask.action = Action::change;
    ask.members = ",\"Entries\":[";
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ask.members += (i == 0 ? "{\"Id\":\"" : ",{\"Id\":\"") + std::to_string(i) +
                     "\",\"ReceiptHandle\":" + common::json_string(batch[i].receipt) +
                     ",\"VisibilityTimeout\":" + std::to_string(batch[i].seconds) + "}";
    }
    ask.members += "]";
    ask.deadline_ns = common::ns_after(kAnswerWithin);
    ++changing_;
    queue_.ask(std::move(ask), [this, batch = std::move(batch), asked_at = Clock::now()](
                                   const common::JsonValue* answer, const aws::Failure* failure) {
      changed(batch, asked_at, answer, failure);
    });
  }
}

/// What was given back and did not get there comes again when its time is over.
void Receiver::changed(const std::vector<Change>& changes, Clock::time_point asked_at,
                       const common::JsonValue* answer, const aws::Failure* failure) {
  --changing_;
  std::vector<bool> is_refused(changes.size(), false), is_renewed(changes.size(), failure == nullptr);
  if (answer != nullptr) {
    each_failed(*answer, changes.size(), [&](std::size_t index, bool is_final) {
      is_refused[index] = is_final;
      is_renewed[index] = false;
    });
  }
  std::vector<std::uint64_t> gone;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Lease* const lease = changes[i].event != 0 ? lease_of(changes[i].event) : nullptr;
    if (lease == nullptr) continue;
    lease->is_renewing = false;
    if (is_renewed[i]) lease->until = asked_at + std::chrono::seconds(changes[i].seconds);
    if (is_refused[i]) gone.push_back(changes[i].event);
  }
  if (is_closed_) return;
  lost(std::move(gone), "SQS does not renew the lease of messages; others may get them as well");
  look_if_settled();
}

}  // namespace cleat::sqs
