#include <algorithm>
#include <utility>

#include "receiver.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

/// SQS keeps a message invisible for twelve hours from its receipt and no longer, however often that is renewed.
constexpr auto kLongest = std::chrono::hours(12);

}  // namespace

void Receiver::renew_soon() {
  if (renew_timer_ != 0 || is_closed_) return;
  const std::chrono::milliseconds often = config_.visibility;
  renew_timer_ = loop_.after(std::clamp<std::chrono::milliseconds>(often / 8, 100ms, 10s), [this] {
    renew_timer_ = 0;
    renew();
    if (is_reading_ || !out_.empty()) renew_soon();
  });
}

/// From half of it on, so that a second attempt still comes in time.
bool Receiver::is_due(const Lease& lease, Clock::time_point now) const {
  return !lease.is_renewing && lease.until - now < std::chrono::milliseconds(config_.visibility) / 2;
}

void Receiver::renew() {
  const Clock::time_point now = Clock::now();
  const auto longest = std::chrono::duration_cast<std::chrono::seconds>(kLongest * 9 / 10);
  std::vector<std::uint64_t> over, too_old;
  for (auto& [event, lease] : out_) {
    if (lease.is_lost) continue;
    if (lease.until <= now) {
      over.push_back(event);
    } else if (lease.received_at + longest <= now && !lease.is_done) {
      too_old.push_back(event);
    } else if (is_due(lease, now)) {
      lease.is_renewing = true;
      change({lease.receipt, static_cast<std::uint32_t>(config_.visibility.count()), event});
    }
  }
  lost(std::move(over),
       "the lease of messages ran out before it could be renewed; others may get them as well");
  lost(std::move(too_old),
       "messages were out for most of the twelve hours that SQS allows; they are given up");
  renew_backlog(now);
}

void Receiver::renew_backlog(Clock::time_point now) {
  std::vector<std::string> broken;
  for (auto each = backlog_.begin(); each != backlog_.end();) {
    if (each->lease.until <= now || each->lease.is_lost) {
      if (config_.queue.is_fifo()) broken.push_back(each->message.group);
      each = backlog_.erase(each);
      continue;
    }
    if (is_due(each->lease, now)) {
      each->lease.is_renewing = true;
      change({each->lease.receipt, static_cast<std::uint32_t>(config_.visibility.count()), each->event});
    }
    ++each;
  }
  // Nothing of a group may overtake what it lost.
  for (const std::string& group : broken)
    hand_back_group(group, 0);
}

Receiver::Lease* Receiver::lease_of(std::uint64_t event) {
  const auto found = out_.find(event);
  if (found != out_.end()) return &found->second;
  const auto waiting = std::find_if(backlog_.begin(), backlog_.end(),
                                    [&](const Waiting& each) { return each.event == event; });
  return waiting != backlog_.end() ? &waiting->lease : nullptr;
}

void Receiver::lost(std::vector<std::uint64_t> events, const char* why) {
  std::vector<std::uint64_t> unsettled;
  for (const std::uint64_t event : events) {
    Lease* const lease = lease_of(event);
    if (lease == nullptr || lease->is_lost) continue;
    lease->is_lost = true;
    // What is to be deleted still may be: the queue says so when it is asked. What waits for room is dropped where it waits.
    if (!lease->is_done && out_.count(event) != 0) unsettled.push_back(event);
  }
  if (unsettled.empty()) return;
  // The host closes their lanes, and so do we: the rest of a group goes back.
  for (const std::uint64_t event : unsettled) {
    if (const auto group = lanes_.close(out_[event].lane, 0)) hand_back_group(*group, 0);
  }
  host_.log(CLEAT_LOG_WARN, why,
            {{"queue", config_.queue.name},
             {"messages", std::to_string(unsettled.size())},
             {"first", out_[unsettled.front()].message_id}});
  host_.withdraw(CLEAT_BY_EVENT, unsettled.data(), static_cast<std::uint32_t>(unsettled.size()));
}

}  // namespace cleat::sqs
