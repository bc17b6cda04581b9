#include <algorithm>
#include <optional>
#include <utility>

#include "common/deliver_one.hpp"
#include "receiver.hpp"

namespace cleat::pubsub {

using namespace std::chrono_literals;

const std::string& Receiver::group_of(const Incoming& message) const {
  static const std::string none;
  return is_ordered_ ? message.key : none;
}

/// In the order of each key; one whose lane has all that it may have out waits, and holds up no other.
void Receiver::deliver_backlog() {
  common::Turns turns(lanes_, window_.max_per_lane);
  for (auto each = backlog_.begin(); is_reading_ && !is_host_full_ && each != backlog_.end();) {
    const std::string& group = group_of(each->message);
    const std::optional<std::uint64_t> lane = turns.lane_of(group);
    // What ended is found and told by the leases soon.
    if (!lane || leases_.has_ended(each->event)) {
      turns.hold_up(group);
      ++each;
    } else if (deliver(*each, *lane)) {
      each = backlog_.erase(each);
    }
  }
}

/// False: the host takes no more for now.
bool Receiver::deliver(const Waiting& waiting, std::uint64_t lane) {
  const Incoming& message = waiting.message;
  std::vector<cleat_kv> metadata;
  for (const auto& [name, value] : message.metadata)
    metadata.push_back({str(name), str(value)});
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = waiting.event;
  event.lane = lane;
  event.delivery_count = message.delivery_attempt;
  event.data = Buffer::of(message.body).take();
  event.content_type = str(message.content_type);
  event.source_id = str(message.id);
  event.key = str(message.key);
  event.metadata = {metadata.data(), metadata.size()};
  event.traceparent = str(message.traceparent);
  event.tracestate = str(message.tracestate);
  event.baggage = str(message.baggage);
  const cleat_status status = common::deliver_one(host_, event);
  if (status == CLEAT_OK) {
    out_[waiting.event] = {lane, false};
    lanes_.went_out(group_of(message), lane);
    return true;
  }
  if (status != CLEAT_INVALID) {
    is_host_full_ = status == CLEAT_AGAIN;
    is_reading_ = is_reading_ && status == CLEAT_AGAIN;
    return false;
  }
  // The host's log says what is wrong with it. It comes again when its time is over, to be judged by the subscription's limit.
  leases_.leave(waiting.event);
  return true;
}

void Receiver::settle(const std::vector<cleat_settlement>& items) {
  is_host_full_ = false;
  for (const cleat_settlement& one : items)
    settle_one(one);
  deliver_backlog();
  pump();
}

void Receiver::settle_one(const cleat_settlement& one) {
  const auto found = out_.find(one.event_id);
  if (found == out_.end()) return;
  const auto [lane, is_lost] = found->second;
  out_.erase(found);
  if (one.verdict == CLEAT_ACK) {
    // Also what others may have by now: it is done.
    leases_.acknowledge(one.event_id);
  } else if (is_lost || (one.verdict == CLEAT_ABANDON && (one.flags & CLEAT_MAY_STILL_RUN) != 0)) {
    leases_.leave(one.event_id);
  } else if (one.verdict == CLEAT_REJECT) {
    if (!has_dead_letters_ && !std::exchange(said_no_dead_letters_, true))
      host_.log(CLEAT_LOG_ERROR,
                "deadLetter: broker has no effect: the subscription shows no dead letter policy, so rejected "
                "messages come again",
                {{"subscription", config_.subscription}});
    // The service counts how often it was given out, and puts it aside itself.
    leases_.give_back(one.event_id, 0s);
  } else if (one.verdict == CLEAT_ABANDON) {
    hand_back(one.event_id, lane, std::chrono::seconds(lanes_.delay(lane).value_or(0)));
  } else {
    hand_back(one.event_id, lane, std::chrono::milliseconds(one.requeue_after_ms));
  }
  lanes_.came_back(lane);
}

/// With it goes all of its key, as the host knows it too.
void Receiver::hand_back(std::uint64_t event, std::uint64_t lane, std::chrono::milliseconds delay) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay);
  leases_.give_back(event, seconds);
  if (const auto group = lanes_.close(lane, static_cast<std::uint32_t>(seconds.count())))
    hand_back_group(*group, seconds);
}

void Receiver::hand_back_group(const std::string& group, std::chrono::seconds delay) {
  for (auto each = backlog_.begin(); each != backlog_.end();) {
    if (group_of(each->message) != group) {
      ++each;
      continue;
    }
    leases_.give_back(each->event, delay);
    each = backlog_.erase(each);
  }
}

void Receiver::lost(const Leases::Events& events) {
  Leases::Events withdrawn;
  for (const std::uint64_t event : events) {
    std::string group;
    if (const auto out = out_.find(event); out != out_.end()) {
      out->second.is_lost = true;
      withdrawn.push_back(event);
      // The host closes its lane, and so do we.
      group = lanes_.close(out->second.lane, 0).value_or("");
    } else {
      const auto waiting = std::find_if(backlog_.begin(), backlog_.end(),
                                        [&](const Waiting& each) { return each.event == event; });
      leases_.leave(event);
      if (waiting == backlog_.end()) continue;
      group = group_of(waiting->message);
      backlog_.erase(waiting);
    }
    // Nothing of its key may overtake it.
    if (!group.empty()) hand_back_group(group, 0s);
  }
  if (!withdrawn.empty())
    host_.withdraw(CLEAT_BY_EVENT, withdrawn.data(), static_cast<std::uint32_t>(withdrawn.size()));
  pump();
}

}  // namespace cleat::pubsub
