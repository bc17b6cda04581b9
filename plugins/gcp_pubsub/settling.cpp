#include <algorithm>
#include <map>
#include <utility>

#include "common/deadlines.hpp"
#include "common/json_text.hpp"
#include "leases.hpp"

namespace cleat::pubsub {
namespace {

using namespace std::chrono_literals;

// A request to acknowledge or to put off may have half a megabyte.
constexpr std::size_t kMostIds = 1000, kMostIdBytes = 400'000;
constexpr std::size_t kMostAcknowledging = 8;
constexpr std::chrono::seconds kMostDelay{600};
constexpr std::chrono::milliseconds kAnswerWithin = 10s;
constexpr const char* kRefused =
    "Pub/Sub does not put off the deadline of messages; others may get them as well";

/// A renewal that hangs is given up while there is time for another one.
std::chrono::milliseconds renew_within(std::chrono::milliseconds length) {
  return std::clamp<std::chrono::milliseconds>(length / 6, 250ms, 10s);
}

std::string ids_of(const std::vector<std::string>& ack_ids) {
  std::string out = "\"ackIds\":[";
  for (const std::string& each : ack_ids) {
    if (out.back() != '[') out += ',';
    common::append_json_string(out, each);
  }
  return out + "]";
}

}  // namespace

void Leases::Ids::add(std::uint64_t event, const std::string& ack_id) {
  events.push_back(event);
  ack_ids.push_back(ack_id);
  bytes += ack_id.size();
}

bool Leases::Ids::is_full() const {
  return events.size() >= kMostIds || bytes >= kMostIdBytes;
}

void Leases::acknowledge(std::uint64_t event) {
  const auto found = leases_.find(event);
  if (found == leases_.end() || std::exchange(found->second.is_acknowledged, true)) return;
  ++unconfirmed_;
  acknowledgements_.push_back(event);
  flush_soon();
}

/// Never beside a renewal of the same message: whichever the service carries out last counts.
void Leases::give_back(std::uint64_t event, std::chrono::seconds delay) {
  const auto found = leases_.find(event);
  if (found == leases_.end()) return;
  const bool is_renewing = found->second.renewal == Lease::Renewal::asked;
  Return back{event, std::move(found->second.ack_id), Clock::now() + std::min(delay, kMostDelay)};
  leases_.erase(found);
  if (is_renewing) {
    held_returns_[event] = std::move(back);
    return;
  }
  returns_.push_back(std::move(back));
  flush_soon();
}

void Leases::leave(std::uint64_t event) {
  leases_.erase(event);
}

/// What is settled together goes together.
void Leases::flush_soon() {
  if (std::exchange(is_flushing_, true)) return;
  loop_.before_sleep([this] {
    is_flushing_ = false;
    flush();
  });
}

void Leases::flush() {
  if (is_closed_) return;
  send_acknowledgements();
  send_renewals();
  send_returns();
}

/// From the front of `queue`, without those that are settled by now.
Leases::Ids Leases::next_ids(std::deque<std::uint64_t>& queue) {
  Ids out;
  for (; !queue.empty() && !out.is_full(); queue.pop_front()) {
    const auto found = leases_.find(queue.front());
    if (found == leases_.end()) continue;
    const bool goes_alone = found->second.goes_alone;
    if (goes_alone && !out.events.empty()) break;
    out.add(found->first, found->second.ack_id);
    if (goes_alone) {
      queue.pop_front();
      break;
    }
  }
  return out;
}

/// At once while nothing is on its way; otherwise full requests, and the rest with the next answer.
void Leases::send_acknowledgements() {
  while (again_timer_ == 0 && !acknowledgements_.empty() && acknowledging_ < kMostAcknowledging &&
         (acknowledging_ == 0 || acknowledgements_.size() >= kMostIds)) {
    Ids ids = next_ids(acknowledgements_);
    if (ids.events.empty()) return;
    Service::Ask ask;
    ask.action = Action::acknowledge;
    ask.name = config_.subscription;
    ask.body = "{" + ids_of(ids.ack_ids) + "}";
    ask.deadline_ns = common::ns_after(kAnswerWithin);
    ++acknowledging_;
    service_.ask(std::move(ask),
                 [this, ids = std::move(ids)](const Service::Answer& answer) { acknowledged(ids, answer); });
  }
}

/// Repeated until the service has confirmed it, or says that it never will.
void Leases::acknowledged(const Ids& ids, const Service::Answer& answer) {
  --acknowledging_;
  const std::vector<Verdict> verdicts = verdicts_of(answer, ids.ack_ids);
  bool waits = false;
  for (std::size_t i = 0; i < ids.events.size(); ++i) {
    const auto found = leases_.find(ids.events[i]);
    if (verdicts[i] == Verdict::again || verdicts[i] == Verdict::alone) {
      acknowledgements_.push_back(ids.events[i]);
      found->second.goes_alone = verdicts[i] == Verdict::alone;
      waits = waits || verdicts[i] == Verdict::again;
      continue;
    }
    if (verdicts[i] == Verdict::refused)
      host_.log(CLEAT_LOG_WARN, "Pub/Sub does not take the acknowledgement of a message: it may come again",
                {{"subscription", config_.subscription},
                 {"message", found->second.message_id},
                 {"reason", answer.failure->text}});
    leases_.erase(found);
    --unconfirmed_;
  }
  if (is_closed_) return;
  if (!waits) back_off_.reset();
  if (waits && again_timer_ == 0) {
    again_timer_ = loop_.after(back_off_.next(), [this] {
      again_timer_ = 0;
      flush_soon();
    });
  }
  flush_soon();
  look_if_settled();
  news_();
}

void Leases::send_renewals() {
  while (!renewals_.empty()) {
    Ids ids = next_ids(renewals_);
    if (ids.events.empty()) return;
    std::chrono::seconds shortest = length();
    for (const std::uint64_t event : ids.events) {
      Lease& lease = leases_[event];
      lease.renewal = Lease::Renewal::asked;
      shortest = std::min(shortest, lease.length);
    }
    const auto answered = [this, ids, length = length(), asked_at = Clock::now()](
                              const Service::Answer& answer) { renewed(ids, asked_at, length, answer); };
    modify(ids, length(), renew_within(shortest), answered);
  }
}

void Leases::renewed(const Ids& ids, Clock::time_point asked_at, std::chrono::seconds length,
                     const Service::Answer& answer) {
  const std::vector<Verdict> verdicts = verdicts_of(answer, ids.ack_ids);
  Events gone;
  for (std::size_t i = 0; i < ids.events.size(); ++i) {
    if (auto held = held_returns_.extract(ids.events[i]); !held.empty()) {
      returns_.push_back(std::move(held.mapped()));
      flush_soon();
    }
    const auto found = leases_.find(ids.events[i]);
    if (found == leases_.end()) continue;
    Lease& lease = found->second;
    lease.renewal = Lease::Renewal::none;
    if (verdicts[i] == Verdict::alone) lease.goes_alone = true;
    if (verdicts[i] == Verdict::refused) gone.push_back(ids.events[i]);
    if (verdicts[i] != Verdict::done) continue;
    lease.goes_alone = false;
    lease.until = asked_at + length;
    lease.length = length;
  }
  if (!is_closed_) lost(gone, kRefused);
}

/// One request for each delay. What does not get there comes again when its time is over.
void Leases::send_returns() {
  const Clock::time_point now = Clock::now();
  std::map<std::chrono::seconds, Ids> by_delay;
  const auto send = [this](std::chrono::seconds delay, Ids& ids) {
    modify(std::exchange(ids, {}), delay, kAnswerWithin, [](const Service::Answer&) {});
  };
  for (const Return& each : std::exchange(returns_, {})) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(each.visible_at - now);
    const std::chrono::seconds delay = std::clamp(left, std::chrono::seconds(0), kMostDelay);
    Ids& ids = by_delay[delay];
    ids.add(each.event, each.ack_id);
    if (ids.is_full()) send(delay, ids);
  }
  for (auto& [delay, ids] : by_delay) {
    if (!ids.events.empty()) send(delay, ids);
  }
}

void Leases::modify(const Ids& ids, std::chrono::seconds deadline, std::chrono::milliseconds within,
                    std::function<void(const Service::Answer&)> done) {
  Service::Ask ask;
  ask.action = Action::modify;
  ask.name = config_.subscription;
  ask.body = "{" + ids_of(ids.ack_ids) + ",\"ackDeadlineSeconds\":" + std::to_string(deadline.count()) + "}";
  ask.deadline_ns = common::ns_after(within);
  ++modifying_;
  service_.ask(std::move(ask), [this, done = std::move(done)](const Service::Answer& answer) {
    --modifying_;
    done(answer);
    if (!is_closed_) look_if_settled();
  });
}

}  // namespace cleat::pubsub
