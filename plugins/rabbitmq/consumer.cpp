#include "consumer.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "common/on_loop.hpp"

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongPause = 10s;
constexpr auto kTellEvery = 5s;
constexpr std::uint32_t kMostAtOnce = 64;
constexpr std::uint32_t kMostPrefetch = std::numeric_limits<std::uint16_t>::max();
// From RabbitMQ 4 on a quorum queue drops what was given out 20 times, unless it is told otherwise.
constexpr std::uint64_t kAlarmingCount = 15;
constexpr int kLimitFrom = 4;

}  // namespace

Consumer::Consumer(Host host, const RabbitConfig& config, Health health)
    : host_(host),
      config_(config),
      health_(std::move(health)),
      session_(loop_, config, *this,
               Session::Hooks{[this](AmqpLink& link) { link.set_up(config_, true); }, [this] { up(); },
                              [this](const Error& why) { lost(why); }, [this] { advance(); },
                              [this] { tick(); }}) {}

void Consumer::start() {
  loop_.start();
  loop_.post([this] { session_.open(); });
}

void Consumer::begin(const Window& window) {
  loop_.post([this, window] {
    reading_ = true;
    apply(window);
    advance();
  });
}

void Consumer::set_window(const Window& window) {
  loop_.post([this, window] {
    apply(window);
    advance();
  });
}

void Consumer::up() {
  session_.use([this](AmqpLink& link) { server_major_ = link.server_major(); });
  // The broker may still refuse to let it read, for as long as another one does.
  if (!reading_ || window_.max_events == 0) on_consuming();
}

void Consumer::on_consuming() {
  session_.is_well();
  why_down_.clear();
  tell_health();
}

void Consumer::apply(const Window& window) {
  window_ = window;
  if (window.max_events != 0) {
    paused_since_ = {};
  } else if (paused_since_ == Clock::time_point{}) {
    paused_since_ = Clock::now();
  }
}

/// After whatever has happened.
void Consumer::advance() {
  // What came while the consumers were being ended goes back with the rest.
  if (readers_.empty() && cancelling_ == 0) give_back_backlog();
  deliver_backlog();
  consume();
}

/// The prefetch count of a consumer that is there cannot be changed, so a larger window gets a consumer more, in steps
/// that are worth it. One that has to be alone stays as it is.
void Consumer::consume() {
  if (!reading_ || cancelling_ != 0 || window_.max_events == 0) return;
  const std::uint32_t wanted = config_.prefetch != 0 ? config_.prefetch : window_.max_events;
  const std::uint32_t has =
      std::accumulate(readers_.begin(), readers_.end(), std::uint32_t{0},
                      [](std::uint32_t sum, const Reader& each) { return sum + each.prefetch; });
  if (wanted <= has || wanted - has < has / 4) return;
  if (has != 0 && (config_.exclusive_consumer || config_.queue.single_active_consumer)) return;
  const std::uint32_t more = std::min(wanted - has, kMostPrefetch);
  session_.use([&](AmqpLink& link) {
    readers_.push_back({"cleat-" + std::to_string(++last_reader_), more});
    link.consume(config_.queue.name, readers_.back().tag, static_cast<std::uint16_t>(more),
                 config_.exclusive_consumer);
  });
}

void Consumer::stop_consuming() {
  session_.use([this](AmqpLink& link) {
    for (const Reader& each : std::exchange(readers_, {})) {
      ++cancelling_;
      link.cancel(each.tag);
    }
  });
}

/// What was prefetched and not delivered goes back to its place in the queue: the last one first, so that what is
/// behind does not come before it.
void Consumer::give_back_backlog() {
  if (backlog_.empty()) return;
  session_.use([this](AmqpLink& link) {
    for (auto each = backlog_.rbegin(); each != backlog_.rend(); ++each)
      link.give_back(each->message.delivery_tag, true);
  });
  backlog_.clear();
}

void Consumer::on_delivery(Message&& message) {
  backlog_.emplace_back(std::move(message), Clock::now());
}

void Consumer::deliver_backlog() {
  while (reading_ && !backlog_.empty() && !readers_.empty()) {
    // As many as the window seems to have room for; the host knows it better.
    const auto room = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(window_.max_events) - static_cast<std::int64_t>(out_.size()));
    const auto count = static_cast<std::uint32_t>(
        std::min({static_cast<std::int64_t>(backlog_.size()), room, std::int64_t{kMostAtOnce}}));
    if (window_.max_events == 0 || deliver_some(count) < count) return;
  }
}

/// Returns how many of the first are done with.
std::uint32_t Consumer::deliver_some(std::uint32_t count) {
  EventBatch batch(count, config_.strict_dapr);
  for (std::uint32_t i = 0; i < count; ++i)
    batch.add(backlog_[i], last_event_ + 1 + i);
  std::uint32_t accepted = 0;
  const cleat_status status = host_.deliver(batch.events(), batch.size(), accepted);
  for (std::uint32_t i = 0; i < accepted; ++i) {
    Received& received = backlog_.front();
    [[maybe_unused]] const std::string* hosts = received.body.release();
    const std::uint64_t id = ++last_event_;
    const bool is_alarming = received.delivery_count.value_or(0) >= kAlarmingCount;
    out_[id] = {received.message.delivery_tag, received.since, is_alarming};
    if (received.delivery_count) alarm(id, received);
    backlog_.pop_front();
  }
  if (status != CLEAT_INVALID) return accepted;
  // The log of the host says what is wrong with it, and it would be the same the next time. To give it back now would go
  // round for ever, to reject it could lose it: it stays unacknowledged until it is too old.
  left_[backlog_.front().message.delivery_tag] = backlog_.front().since;
  backlog_.pop_front();
  ++last_event_;
  return accepted + 1;
}

void Consumer::settle(Settlements settlements) {
  bool was_empty = false;
  {
    const std::lock_guard lock(settled_mutex_);
    was_empty = settled_.empty();
    for (const cleat_settlement* one : settlements)
      settled_.push_back({one->event_id, one->verdict, one->flags});
  }
  if (!was_empty) return;
  loop_.post([this] {
    settle_all();
    advance();
  });
}

void Consumer::settle_all() {
  std::vector<Settled> settled;
  {
    const std::lock_guard lock(settled_mutex_);
    settled.swap(settled_);
  }
  session_.use([&](AmqpLink& link) {
    const bool are_many = settled.size() > 1;
    if (are_many) link.hold();
    for (const Settled& one : settled) {
      const auto found = out_.find(one.id);
      if (found == out_.end()) continue;  // of a channel that ended: the broker gives it out again
      const Out out = found->second;
      out_.erase(found);
      settle_one(link, one, out);
      if (out.is_alarming && alarming_.erase(one.id) != 0) tell_health();
    }
    if (are_many) link.release();
  });
}

void Consumer::settle_one(AmqpLink& link, const Settled& settled, const Out& out) {
  if (settled.verdict == CLEAT_ACK) {
    link.ack(out.tag);
  } else if (settled.verdict == CLEAT_REJECT && config_.broker_dead_letter) {
    // Without it nothing but this guard keeps RabbitMQ from dropping the message for good.
    link.give_back(out.tag, false);
  } else if (settled.verdict == CLEAT_ABANDON && (settled.flags & CLEAT_MAY_STILL_RUN) != 0) {
    // The end of the channel gives it back, when nobody works on it any more.
    left_[out.tag] = out.since;
  } else {
    link.give_back(out.tag, true);
  }
}

void Consumer::lost(const Error& why) {
  readers_.clear();
  cancelling_ = 0;
  backlog_.clear();
  left_.clear();
  alarming_.clear();
  std::vector<std::uint64_t> ids;
  ids.reserve(out_.size());
  for (const auto& [id, out] : out_)
    ids.push_back(id);
  out_.clear();
  if (!ids.empty()) host_.withdraw(CLEAT_BY_EVENT, ids.data(), static_cast<std::uint32_t>(ids.size()));
  why_down_ = why.what();
  tell_health();
}

void Consumer::tick() {
  give_up_old();
  // Others may have what nobody here takes.
  if (!readers_.empty() && paused_since_ != Clock::time_point{} && Clock::now() - paused_since_ > kLongPause)
    stop_consuming();
  // A sign of life of the thread that reads.
  if (Clock::now() - told_at_ >= kTellEvery) tell_health();
}

/// A consumer that holds a message for too long has its channel closed by the broker, and all of it given out again.
void Consumer::give_up_old() {
  if (config_.delivery_timeout.count() == 0 || !session_.is_up()) return;
  const Clock::time_point limit = Clock::now() - config_.delivery_timeout;
  std::vector<std::uint64_t> ids, tags;
  for (const auto& [id, out] : out_) {
    if (out.since > limit) break;  // ids are given in the order of time
    ids.push_back(id);
    tags.push_back(out.tag);
  }
  for (const std::uint64_t id : ids) {
    out_.erase(id);
    alarming_.erase(id);
  }
  for (auto each = left_.begin(); each != left_.end();) {
    const bool is_old = each->second <= limit;
    if (is_old) tags.push_back(each->first);
    each = is_old ? left_.erase(each) : std::next(each);
  }
  while (!backlog_.empty() && backlog_.front().since <= limit) {
    tags.push_back(backlog_.front().message.delivery_tag);
    backlog_.pop_front();
  }
  if (tags.empty()) return;
  host_.log(
      CLEAT_LOG_WARN,
      "messages that were held for longer than deliveryTimeout are given back, so that RabbitMQ does not "
      "close the channel",
      {{"queue", config_.queue.name},
       {"delivered", std::to_string(ids.size())},
       {"all", std::to_string(tags.size())}});
  if (!ids.empty()) host_.withdraw(CLEAT_BY_EVENT, ids.data(), static_cast<std::uint32_t>(ids.size()));
  session_.use([&](AmqpLink& link) {
    for (const std::uint64_t tag : tags)
      link.give_back(tag, true);
  });
}

/// From a quorum queue. One that was made here without a limit drops nothing.
void Consumer::alarm(std::uint64_t id, const Received& received) {
  const bool made_without = config_.queue.is_unlimited() && server_major_ >= kLimitFrom;
  if (made_without) return;
  if (config_.queue.delivery_limit || !config_.queue.declare || server_major_ >= kLimitFrom) {
    warn_of_limit(
        "the queue may have a delivery limit: RabbitMQ drops or dead-letters what is given out more often");
  }
  if (*received.delivery_count < kAlarmingCount) return;
  const std::string& name = received.message.properties.message_id;
  alarming_[id] = "message " + (name.empty() ? "without an id" : "'" + name + "'") + " of queue '" +
                  config_.queue.name + "' was given out " + std::to_string(*received.delivery_count + 1) +
                  " times; RabbitMQ drops or dead-letters it at the queue's delivery limit, if it has one";
  tell_health();
}

void Consumer::warn_of_limit(const std::string& why) {
  if (std::exchange(has_warned_, true)) return;
  host_.log(CLEAT_LOG_WARN, why, {{"queue", config_.queue.name}});
}

void Consumer::tell_health() {
  told_at_ = Clock::now();
  if (!session_.is_up() || !why_down_.empty()) {
    health_(CLEAT_HEALTH_DOWN, why_down_.empty() ? "there is no connection to RabbitMQ yet" : why_down_);
  } else if (!alarming_.empty()) {
    health_(CLEAT_HEALTH_DEGRADED, alarming_.begin()->second);
  } else {
    health_(CLEAT_HEALTH_UP, "");
  }
}

void Consumer::end(Deadline deadline) {
  const auto stop_reading = [this] {
    reading_ = false;
    stop_consuming();
  };
  if (!common::run_and_wait(loop_, deadline, stop_reading))
    throw Error(CLEAT_TIMEOUT, "the thread that reads RabbitMQ did not answer before the deadline");
}

void Consumer::stop(Deadline deadline) {
  loop_.post([this, deadline] { session_.close(deadline); });
  loop_.stop();
}

}  // namespace cleat::rabbitmq
