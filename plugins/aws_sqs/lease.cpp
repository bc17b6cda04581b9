#include <algorithm>
#include <iterator>
#include <utility>

#include "batch.hpp"
#include "common/deadlines.hpp"
#include "common/json_text.hpp"
#include "receiver.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostInBatch = 10;
constexpr std::chrono::milliseconds kReturnWithin = 10s;
constexpr const char* kRanOut =
    "the lease of messages ran out before it could be renewed; others may get them as well";

/// A renewal that hangs is given up while there is time for another one.
std::chrono::milliseconds renew_within(std::chrono::milliseconds visibility) {
  return std::clamp<std::chrono::milliseconds>(visibility / 6, 250ms, 10s);
}

/// Whole seconds until then, no less.
std::int64_t seconds_until(Lease::Clock::time_point when, Lease::Clock::time_point now) {
  return std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(when - now).count(), 0);
}

}  // namespace

void Receiver::renew_soon() {
  if (renew_timer_ != 0 || is_closed_) return;
  const std::chrono::milliseconds often = config_.visibility;
  renew_timer_ = loop_.after(std::clamp<std::chrono::milliseconds>(often / 16, 50ms, 10s), [this] {
    renew_timer_ = 0;
    renew();
    if (is_reading_ || !out_.empty()) renew_soon();
  });
}

void Receiver::renew() {
  const Clock::time_point now = Clock::now();
  std::vector<std::uint64_t> ended, too_old;
  const auto look_at = [&](std::uint64_t event, Lease& lease) {
    if (lease.is_lost) return;
    if (lease.has_ended(now)) return (lease.is_at_its_longest() ? too_old : ended).push_back(event);
    const std::chrono::seconds time = lease.renewal(config_.visibility, now);
    if (time == 0s) return;
    lease.is_renewing = true;
    renewals_.push_back({lease.receipt, event, now + time, true});
    flush_soon();
  };
  for (auto& [event, lease] : out_)
    look_at(event, lease);
  for (Waiting& each : backlog_)
    look_at(each.event, each.lease);
  lost(ended, kRanOut);
  lost(too_old, "messages were out for the twelve hours that SQS allows; others may get them as well");
  pump();
}

/// Of the messages that wait for room, those whose time is over.
std::vector<std::uint64_t> Receiver::ended_backlog(Clock::time_point now) const {
  std::vector<std::uint64_t> ended;
  for (const Waiting& each : backlog_) {
    if (each.lease.has_ended(now)) ended.push_back(each.event);
  }
  return ended;
}

Lease* Receiver::lease_of(std::uint64_t event) {
  const auto found = out_.find(event);
  if (found != out_.end()) return &found->second;
  const auto waiting = std::find_if(backlog_.begin(), backlog_.end(),
                                    [&](const Waiting& each) { return each.event == event; });
  return waiting != backlog_.end() ? &waiting->lease : nullptr;
}

void Receiver::lost(const std::vector<std::uint64_t>& events, const char* why) {
  std::vector<std::uint64_t> unsettled;
  std::size_t count = 0;
  std::string first;
  for (const std::uint64_t event : events) {
    Lease* const lease = lease_of(event);
    if (lease == nullptr || lease->is_lost) continue;
    lease->is_lost = true;
    // What is to be deleted still may be: the queue says so when it is asked.
    if (lease->is_done) continue;
    if (count++ == 0) first = lease->message_id;
    if (out_.count(event) != 0) {
      unsettled.push_back(event);
    } else {
      drop_waiting(event);
    }
  }
  if (count == 0) return;
  host_.log(CLEAT_LOG_WARN, why,
            {{"queue", config_.queue.name}, {"messages", std::to_string(count)}, {"first", first}});
  if (unsettled.empty()) return;
  // The host closes their lanes, and so do we: the rest of a group goes back.
  for (const std::uint64_t event : unsettled) {
    if (const auto group = lanes_.close(out_[event].lane, 0)) hand_back_group(*group, 0s);
  }
  host_.withdraw(CLEAT_BY_EVENT, unsettled.data(), static_cast<std::uint32_t>(unsettled.size()));
}

/// Nothing of its group may overtake it.
void Receiver::drop_waiting(std::uint64_t event) {
  const auto waiting = std::find_if(backlog_.begin(), backlog_.end(),
                                    [&](const Waiting& each) { return each.event == event; });
  const std::string group = config_.queue.is_fifo() ? waiting->message.group : std::string();
  backlog_.erase(waiting);
  if (!group.empty()) hand_back_group(group, 0s);
}

/// Never beside a renewal of the same message: whichever the queue carries out last counts.
void Receiver::give_back(std::uint64_t event, Lease& lease, std::chrono::seconds delay) {
  Change back{std::move(lease.receipt), event, Clock::now() + delay, false};
  if (lease.is_renewing) {
    const auto unsent = std::find_if(renewals_.begin(), renewals_.end(),
                                     [&](const Change& each) { return each.event == event; });
    if (unsent == renewals_.end()) {
      held_returns_[event] = std::move(back);
      return;
    }
    renewals_.erase(unsent);
  }
  returns_.push_back(std::move(back));
  flush_soon();
}

void Receiver::send_changes() {
  send_changes(renewals_, renew_within(config_.visibility));
  send_changes(returns_, kReturnWithin);
}

void Receiver::send_changes(std::deque<Change>& all, std::chrono::milliseconds within) {
  while (!all.empty() && !is_closed_) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMostInBatch));
    std::vector<Change> batch(std::make_move_iterator(all.begin()), std::make_move_iterator(end));
    all.erase(all.begin(), end);
    const Clock::time_point now = Clock::now();
    Queue::Ask ask;
    ask.action = Action::change;
    Entries entries;
    for (const Change& each : batch) {
      entries.add("\"ReceiptHandle\":" + common::json_string(each.receipt) +
                  ",\"VisibilityTimeout\":" + std::to_string(seconds_until(each.visible_at, now)));
    }
    ask.members = entries.members();
    ask.deadline_ns = common::ns_after(within);
    ++changing_;
    queue_.ask(std::move(ask),
               [this, batch = std::move(batch)](const common::JsonValue* answer, const aws::Failure*) {
                 changed(batch, answer);
               });
  }
}

/// What was given back and did not get there comes again when its time is over.
void Receiver::changed(const std::vector<Change>& changes, const common::JsonValue* answer) {
  --changing_;
  std::vector<EntryAnswer> entries(changes.size());
  if (answer != nullptr) entries = entries_of(*answer, changes.size(), "SQS ChangeMessageVisibilityBatch");
  std::vector<std::uint64_t> gone;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    if (!change.is_renewal) continue;
    if (auto held = held_returns_.extract(change.event); !held.empty()) {
      returns_.push_back(std::move(held.mapped()));
      flush_soon();
    }
    Lease* const lease = lease_of(change.event);
    if (lease == nullptr) continue;
    lease->is_renewing = false;
    if (entries[i].successful != nullptr) lease->until = change.visible_at;
    if (entries[i].is_refused) gone.push_back(change.event);
  }
  if (is_closed_) return;
  lost(gone, "SQS does not renew the lease of messages; others may get them as well");
  look_if_settled();
  pump();
}

}  // namespace cleat::sqs
