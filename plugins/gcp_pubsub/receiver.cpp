#include "receiver.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/deadlines.hpp"

namespace cleat::pubsub {
namespace {

using namespace std::chrono_literals;
using common::JsonValue;

constexpr std::size_t kMostPulls = 10, kMostAtOnce = 100;
/// What one answer should have, going by the largest message of the last one.
constexpr std::size_t kWantedBytes = std::size_t{8} << 20U;
/// So many acknowledged ones that the service does not confirm stop the reading.
constexpr std::size_t kMostUnconfirmed = 1000;
constexpr auto kAnswerWithin = 10s;
/// The service lets a pull wait for as long as it likes, which is a minute and a half at most.
constexpr auto kPullWithin = 100s;
/// An answer that came sooner was not waited for.
constexpr auto kNoWait = 250ms;
/// The tag of all requests that wait, to end them by: calls of the application have none.
constexpr std::uint64_t kPullTag = 1;

std::chrono::seconds deadline_in(const JsonValue& subscription) {
  const JsonValue* const said = subscription.find("ackDeadlineSeconds");
  std::int64_t seconds = 0;
  if (said != nullptr) std::from_chars(said->raw.data(), said->raw.data() + said->raw.size(), seconds);
  return seconds > 0 ? std::chrono::seconds(seconds) : 10s;
}

}  // namespace

Receiver::Receiver(Host host, common::CurlLoop& curl, Service& service, const PubSubConfig& config)
    : host_(host),
      curl_(curl),
      loop_(curl.loop()),
      service_(service),
      config_(config),
      leases_(
          host, service, config, [this](const Leases::Events& events) { lost(events); }, [this] { pump(); }),
      at_once_(kMostAtOnce),
      back_off_(200ms, 30s),
      idle_(50ms, 1s) {}

void Receiver::begin(const Window& window) {
  if (config_.subscription.empty())
    host_.log(CLEAT_LOG_WARN, "this component has no subscription, so nothing is read from Pub/Sub");
  is_reading_ = !config_.subscription.empty();
  is_host_full_ = false;
  window_ = window;
  wanted_ = 1;
  pump();
}

void Receiver::set_window(const Window& window) {
  window_ = window;
  is_host_full_ = false;
  deliver_backlog();
  pump();
}

/// What the subscription is like. Who may not see it takes the shortest deadline, and keys for an order.
void Receiver::look() {
  if (std::exchange(is_looking_, true)) return;
  service_.look(
      Action::look_at_subscription, common::ns_after(kAnswerWithin), [this](const Service::Answer& answer) {
        is_looking_ = false;
        if (is_closed_) return;
        if (answer.failure != nullptr && answer.failure->status != CLEAT_DENIED)
          return pump_after(
              std::max(back_off_.next(), std::chrono::milliseconds(answer.failure->retry_after_ms)));
        is_known_ = true;
        if (answer.json != nullptr) {
          const JsonValue* const ordering = answer.json->find("enableMessageOrdering");
          is_ordered_ = ordering != nullptr && ordering->raw == "true";
          has_dead_letters_ = answer.json->find("deadLetterPolicy") != nullptr;
          leases_.set_deadline(deadline_in(*answer.json));
        }
        pump();
      });
}

std::size_t Receiver::room() const {
  const std::size_t taken = out_.size() + backlog_.size() + asked_for_;
  return taken < window_.max_events ? window_.max_events - taken : 0;
}

void Receiver::pump() {
  if (!is_reading_ || is_closed_ || timer_ != 0 || is_host_full_ || leases_.unconfirmed() >= kMostUnconfirmed)
    return;
  if (!is_known_) return look();
  while (pulling_ < wanted_ && is_known_ && timer_ == 0) {
    const std::size_t share = room() / (wanted_ - pulling_);
    const std::size_t most = std::min(std::max<std::size_t>(share, 1), at_once_);
    if (room() == 0) return;
    pull(most);
  }
}

void Receiver::pump_after(std::chrono::milliseconds wait) {
  if (is_closed_ || timer_ != 0) return;
  timer_ = loop_.after(wait, [this] {
    timer_ = 0;
    pump();
  });
}

void Receiver::pull(std::size_t most) {
  ++pulling_;
  asked_for_ += most;
  Service::Ask ask;
  ask.action = Action::pull;
  ask.name = config_.subscription;
  ask.body = "{\"maxMessages\":" + std::to_string(most) + "}";
  ask.tag = kPullTag;
  ask.deadline_ns = common::ns_after(kPullWithin);
  service_.ask(std::move(ask), [this, most, asked_at = Clock::now()](const Service::Answer& answer) {
    pulled(most, asked_at, answer);
  });
}

void Receiver::pulled(std::size_t most, Clock::time_point asked_at, const Service::Answer& answer) {
  --pulling_;
  asked_for_ -= most;
  if (const google::Failure* const failure = answer.failure; failure != nullptr) {
    wanted_ = 1;
    // The subscription may be another one when it is back. And only a look tells whether a service that says nothing is there.
    is_known_ = false;
    if (Service::is_no_news(*failure)) return pump();
    if (failure->status == CLEAT_TOO_LARGE) at_once_ = std::max<std::size_t>(at_once_ / 4, 1);
    return pump_after(std::max(back_off_.next(), std::chrono::milliseconds(failure->retry_after_ms)));
  }
  back_off_.reset();
  std::vector<Incoming> messages = incoming_of(*answer.json);
  const bool was_there = Clock::now() - asked_at < kNoWait;
  if (messages.empty()) {
    wanted_ = 1;
    if (was_there) return pump_after(idle_.next());
  } else {
    // The service seldom gives as many as it may, though it has more. Where it does, more requests help if that was all that
    // one may ask for, and not if it was all that the window has room for.
    if (!was_there) wanted_ = 1;
    if (was_there && (messages.size() < most || most == at_once_))
      wanted_ = std::min(wanted_ * 2, kMostPulls);
    idle_.reset();
    take(std::move(messages), asked_at);
  }
  pump();
}

void Receiver::take(std::vector<Incoming> messages, Clock::time_point asked_at) {
  // Counted from the question if it did not wait: the service counts from when it gave them out.
  const std::chrono::milliseconds deadline = leases_.deadline();
  const Clock::time_point given_at =
      std::max(asked_at, Clock::now() - std::min<std::chrono::milliseconds>(deadline / 8, 1s));
  std::size_t largest = 1;
  for (Incoming& message : messages) {
    largest = std::max(largest, message.body.size());
    const std::uint64_t event = ++last_event_;
    leases_.add(event, std::move(message.ack_id), message.id, given_at);
    if (is_reading_) {
      backlog_.push_back({event, std::move(message)});
    } else {
      leases_.give_back(event, 0s);
    }
  }
  at_once_ = std::clamp<std::size_t>(kWantedBytes / largest, 1, kMostAtOnce);
  deliver_backlog();
}

void Receiver::end() {
  is_reading_ = false;
  for (const Waiting& each : std::exchange(backlog_, {}))
    leases_.give_back(each.event, 0s);
  service_.forget_reading();
}

void Receiver::close() {
  is_closed_ = true;
  curl_.cancel(kPullTag);
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  leases_.close();
}

}  // namespace cleat::pubsub
