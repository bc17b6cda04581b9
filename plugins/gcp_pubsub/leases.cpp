#include "leases.hpp"

#include <algorithm>
#include <utility>

namespace cleat::pubsub {
namespace {

using namespace std::chrono_literals;

/// Of the messages whose acknowledgement is not confirmed, so many are named.
constexpr std::size_t kMostNamed = 100;
constexpr const char* kRanOut =
    "the deadline of messages passed before it could be put off; others may get them as well";

}  // namespace

Leases::Leases(Host host, Service& service, const PubSubConfig& config, Lost lost, News news)
    : host_(host),
      service_(service),
      loop_(service.loop()),
      config_(config),
      lost_(std::move(lost)),
      news_(std::move(news)),
      back_off_(200ms, 10s) {}

void Leases::set_deadline(std::chrono::seconds subscriptions) {
  deadline_ = subscriptions;
}

void Leases::add(std::uint64_t event, std::string ack_id, std::string message_id,
                 Clock::time_point given_at) {
  Lease& lease = leases_[event];
  lease.ack_id = std::move(ack_id);
  lease.message_id = std::move(message_id);
  lease.length = deadline_;
  lease.until = given_at + deadline_;
  renew_soon();
}

bool Leases::has_ended(std::uint64_t event) const {
  const auto found = leases_.find(event);
  return found == leases_.end() || found->second.is_lost || found->second.until <= Clock::now();
}

std::chrono::seconds Leases::length() const {
  return config_.ack_deadline.count() != 0 ? config_.ack_deadline : deadline_;
}

void Leases::renew_soon() {
  if (renew_timer_ != 0 || is_closed_) return;
  const std::chrono::milliseconds often = std::min(deadline_, length());
  renew_timer_ = loop_.after(std::clamp<std::chrono::milliseconds>(often / 16, 50ms, 10s), [this] {
    renew_timer_ = 0;
    renew();
    if (!leases_.empty()) renew_soon();
  });
}

/// From half of its time on, so that there is some left for more attempts; and never so that it becomes shorter.
void Leases::renew() {
  const Clock::time_point now = Clock::now();
  Events ended;
  for (auto& [event, lease] : leases_) {
    if (lease.is_lost) continue;
    if (lease.until <= now) {
      ended.push_back(event);
    } else if (lease.renewal == Lease::Renewal::none &&
               lease.until - now < std::min(lease.length, length()) / 2.0) {
      lease.renewal = Lease::Renewal::wanted;
      renewals_.push_back(event);
    }
  }
  if (!renewals_.empty()) flush_soon();
  lost(ended, kRanOut);
}

void Leases::lost(const Events& events, const char* why) {
  Events unsettled;
  for (const std::uint64_t event : events) {
    const auto found = leases_.find(event);
    if (found == leases_.end() || std::exchange(found->second.is_lost, true)) continue;
    // What is to be acknowledged still may be: the service says so when it is asked.
    if (!found->second.is_acknowledged) unsettled.push_back(event);
  }
  if (unsettled.empty()) return;
  host_.log(CLEAT_LOG_WARN, why,
            {{"subscription", config_.subscription},
             {"messages", std::to_string(unsettled.size())},
             {"first", leases_[unsettled.front()].message_id}});
  lost_(unsettled);
}

void Leases::when_settled(std::function<void()> done) {
  settled_ = std::move(done);
  look_if_settled();
}

void Leases::look_if_settled() {
  if (settled_ && unconfirmed_ == 0 && modifying_ == 0 && returns_.empty() && held_returns_.empty())
    std::exchange(settled_, nullptr)();
}

void Leases::close() {
  is_closed_ = true;
  for (common::EventLoop::TimerId* timer : {&renew_timer_, &again_timer_}) {
    if (*timer != 0) loop_.cancel(std::exchange(*timer, 0));
  }
  if (unconfirmed_ == 0) return;
  std::string ids;
  std::size_t named = 0;
  for (const auto& [event, lease] : leases_) {
    if (lease.is_acknowledged && named++ < kMostNamed) ids += (ids.empty() ? "" : " ") + lease.message_id;
  }
  host_.log(
      CLEAT_LOG_WARN,
      "Pub/Sub did not confirm all acknowledgements before the stop: those messages may come again",
      {{"subscription", config_.subscription}, {"messages", std::to_string(unconfirmed_)}, {"ids", ids}});
}

}  // namespace cleat::pubsub
