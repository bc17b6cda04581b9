#include "consumer.hpp"

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongPause = 10s;
constexpr auto kTellEvery = 5s;
// A quorum queue drops what was given out 20 times, by default of RabbitMQ 4.
constexpr std::uint64_t kAlarmingCount = 15;

}  // namespace

Consumer::Consumer(Host host, const RabbitConfig& config, Health health)
    : host_(host),
      config_(config),
      health_(std::move(health)),
      session_(loop_, config,
               AmqpEvents{[this](Message&& message) { take(std::move(message)); },
                          [](std::uint64_t, bool, bool) {}, [](const std::string&, const Message&) {},
                          [](bool, const std::string&) {}},
               Session::Hooks{[this](AmqpLink& link) { link.set_up(config_, true); },
                              [this] {
                                tell_health();
                                consume();
                              },
                              [this](const Error& why) { lost(why); }, [this] { tick(); }}) {}

void Consumer::start() {
  loop_.start();
  loop_.post([this] { session_.open(); });
}

void Consumer::begin(const Window& window) {
  loop_.post([this, window] {
    reading_ = true;
    apply(window);
    consume();
  });
}

void Consumer::set_window(const Window& window) {
  loop_.post([this, window] {
    apply(window);
    deliver_backlog();
    consume();
  });
}

/// The prefetch count of a consumer that is there cannot be changed, so a larger window begins a new one.
void Consumer::apply(const Window& window) {
  window_ = window;
  paused_since_ = window.max_events == 0 ? Clock::now() : Clock::time_point{};
  const std::uint32_t most = std::numeric_limits<std::uint16_t>::max();
  const std::uint32_t wanted = config_.prefetch != 0 ? config_.prefetch : std::min(window.max_events, most);
  if (wanted <= prefetch_) return;
  prefetch_ = wanted;
  if (consuming_) stop_consuming();
}

void Consumer::consume() {
  if (!reading_ || consuming_ || window_.max_events == 0) return;
  session_.use([this](AmqpLink& link) {
    consuming_ = true;
    link.consume(config_.queue.name, static_cast<std::uint16_t>(prefetch_), config_.exclusive_consumer);
  });
}

/// What was prefetched and not delivered goes back to its place in the queue.
void Consumer::stop_consuming() {
  if (!consuming_) return;
  consuming_ = false;
  session_.use([this](AmqpLink& link) {
    // What is still on its way comes into the backlog now, and goes back with it.
    link.stop_consuming({[this](Message&& message) { backlog_.push_back(std::move(message)); },
                         [](std::uint64_t, bool, bool) {}, [](const std::string&, const Message&) {},
                         [](bool, const std::string&) {}});
    for (auto message = backlog_.rbegin(); message != backlog_.rend(); ++message)
      link.give_back(message->delivery_tag, true);
  });
  backlog_.clear();
}

void Consumer::take(Message&& message) {
  watch_count(message);
  backlog_.push_back(std::move(message));
  deliver_backlog();
}

/// From a quorum queue with a limit: the broker drops a message that is given back too often.
void Consumer::watch_count(const Message& message) {
  const auto count = delivery_count_of(message);
  if (!count || *count < kAlarmingCount || config_.broker_dead_letter) return;
  const std::string& name = message.properties.message_id;
  poison_ = "message " + (name.empty() ? "without an id" : "'" + name + "'") + " of queue '" +
            config_.queue.name + "' was given out " + std::to_string(*count + 1) +
            " times; RabbitMQ drops it at the queue's delivery limit";
  tell_health();
}

void Consumer::deliver_backlog() {
  while (reading_ && !backlog_.empty() && deliver(backlog_.front()))
    backlog_.pop_front();
}

/// False: the host takes no more for now.
bool Consumer::deliver(const Message& message) {
  const Pairs metadata = metadata_of(message, config_.strict_dapr);
  std::vector<cleat_kv> items;
  items.reserve(metadata.size());
  std::string_view trace;
  for (const auto& [key, value] : metadata) {
    items.push_back({str(key), str(value)});
    if (key == "traceparent") trace = value;
  }
  const auto count = delivery_count_of(message);
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = last_event_ + 1;
  event.data = Buffer::of(message.body).take();
  event.content_type = str(message.properties.content_type);
  event.source_id = str(message.properties.message_id);
  event.metadata = {items.data(), items.size()};
  event.traceparent = str(trace);
  // A classic queue tells the first time from all others, and no more.
  if (count)
    event.delivery_count = static_cast<std::uint32_t>(std::min<std::uint64_t>(*count, 1'000'000) + 1);
  if (!count && !message.redelivered) event.delivery_count = 1;
  if (message.properties.timestamp && *message.properties.timestamp < 10'000'000'000U)
    event.first_seen_wall_ns = *message.properties.timestamp * 1'000'000'000U;
  cleat_event* const events[] = {&event};
  std::uint32_t accepted = 0;
  const cleat_status status = host_.deliver(events, 1, accepted);
  if (accepted == 1) {
    out_[++last_event_] = {message.delivery_tag, Clock::now()};
    return true;
  }
  const Buffer mine(event.data);
  if (status != CLEAT_INVALID) return false;
  // The log of the host says what is wrong with it; it would be the same the next time. To give it back would go round for
  // ever, to reject it could lose it: it stays unacknowledged, and is the broker's again when the channel ends.
  ++last_event_;
  return true;
}

void Consumer::settle(Settlements settlements) {
  std::vector<Settled> settled;
  settled.reserve(settlements.count);
  for (const cleat_settlement* one : settlements)
    settled.push_back({one->event_id, one->verdict, one->flags});
  loop_.post([this, settled = std::move(settled)] { settle_each(settled); });
}

void Consumer::settle_each(const std::vector<Settled>& settled) {
  session_.use([&](AmqpLink& link) {
    for (const Settled& one : settled) {
      const auto found = out_.find(one.id);
      if (found == out_.end()) continue;  // of a channel that ended: the broker gives it out again
      const std::uint64_t tag = found->second.tag;
      out_.erase(found);
      settle_one(link, one, tag);
    }
  });
  deliver_backlog();
}

void Consumer::settle_one(AmqpLink& link, const Settled& settled, std::uint64_t tag) {
  if (settled.verdict == CLEAT_ACK) {
    link.ack(tag);
  } else if (settled.verdict == CLEAT_REJECT && config_.broker_dead_letter) {
    link.give_back(tag, false);
  } else if (settled.verdict == CLEAT_ABANDON && (settled.flags & CLEAT_MAY_STILL_RUN) != 0) {
    // Left as it is: the end of the channel gives it back, when nobody works on it any more.
  } else {
    link.give_back(tag, true);
  }
}

void Consumer::lost(const Error& why) {
  consuming_ = false;
  backlog_.clear();
  std::vector<std::uint64_t> ids;
  for (const auto& [id, out] : out_)
    ids.push_back(id);
  out_.clear();
  if (!ids.empty()) host_.withdraw(CLEAT_BY_EVENT, ids.data(), static_cast<std::uint32_t>(ids.size()));
  health_(CLEAT_HEALTH_DOWN, why.what());
}

void Consumer::tick() {
  give_up_old();
  // Others may have what nobody here takes.
  if (consuming_ && paused_since_ != Clock::time_point{} && Clock::now() - paused_since_ > kLongPause)
    stop_consuming();
  if (session_.link() != nullptr && Clock::now() - told_at_ >= kTellEvery) tell_health();
}

/// A consumer that holds a message for too long has its channel closed by the broker, and all of it given out again.
void Consumer::give_up_old() {
  if (config_.delivery_timeout.count() == 0) return;
  const Clock::time_point limit = Clock::now() - config_.delivery_timeout;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> old;
  for (const auto& [id, out] : out_) {
    if (out.since > limit) break;  // ids are given in the order of time
    old.emplace_back(id, out.tag);
  }
  for (const auto& [id, tag] : old) {
    host_.log(
        CLEAT_LOG_WARN,
        "a message was held for too long and is given back, so that RabbitMQ does not close the channel",
        {{"queue", config_.queue.name}});
    host_.withdraw(CLEAT_BY_EVENT, &id, 1);
    out_.erase(id);
    session_.use([tag = tag](AmqpLink& link) { link.give_back(tag, true); });
  }
}

void Consumer::tell_health() {
  told_at_ = Clock::now();
  health_(poison_.empty() ? CLEAT_HEALTH_UP : CLEAT_HEALTH_DEGRADED, poison_);
}

void Consumer::end(Deadline deadline) {
  const auto ended = std::make_shared<std::promise<void>>();
  std::future<void> future = ended->get_future();
  loop_.post([this, ended] {
    reading_ = false;
    stop_consuming();
    ended->set_value();
  });
  if (future.wait_until(deadline.time()) != std::future_status::ready)
    throw Error(CLEAT_TIMEOUT, "RabbitMQ did not answer before the deadline");
}

void Consumer::stop(Deadline /*deadline*/) {
  loop_.post([this] { session_.close(); });
  loop_.stop();
}

}  // namespace cleat::rabbitmq
