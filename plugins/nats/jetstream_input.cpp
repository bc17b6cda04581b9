#include "jetstream_input.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "wire.hpp"

namespace cleat::nats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// For what was on its way to us when the component stops.
constexpr seconds kLastMessages{1};
constexpr milliseconds kLastTime{300};
constexpr std::int64_t kFlushMs = 1'000;

}  // namespace

JetStreamInput::JetStreamInput(const NatsConfig& config, Host host, Health& health)
    : host_(host),
      config_(config),
      wanted_(*config.consumer),
      health_(health),
      puller_(config.server, *config.consumer, config.domain),
      intake_(host, [this] { line_.wake(); }),
      line_(config.server, host, health, Health::input, *this) {}

JetStreamInput::~JetStreamInput() = default;

void JetStreamInput::opened(Session& session) {
  is_joined_ = false;
  if (intake_.has_begun())
    join(session);
  else
    health_.set(Health::input, CLEAT_HEALTH_UP, "connected, nobody reads yet");
}

void JetStreamInput::join(Session& session) {
  Consumer found = attach(session, wanted_, config_.domain, was_joined_ ? consumer_.stream_created : 0);
  if (!was_joined_) {
    for (const std::string& warning : found.warnings)
      host_.log(CLEAT_LOG_WARN, warning);
  }
  if (found.created != consumer_.created) settler_.forget();
  // The server looks only at the number in an acknowledgement: that of an old message would be taken for a new one's.
  if (was_joined_ && found.stream_created != consumer_.stream_created) intake_.orphan();
  consumer_ = std::move(found);
  const std::string inbox = make_inbox(config_.server.inbox_prefix);
  answers_ = std::make_unique<Subscription>(
      session, inbox + ".*", "", [this, size = inbox.size() + 1](const Message& answer) {
        const std::string_view number = subject_of(answer).substr(size);
        std::uint64_t proved = 0;
        std::from_chars(number.data(), number.data() + number.size(), proved);
        proved_ = proved;
        line_.wake();
      });
  proved_ = 0;
  settler_.use(inbox);
  puller_.use(consumer_, [this](Message message) {
    {
      const std::lock_guard lock(mutex_);
      arrived_.push_back(std::move(message));
    }
    line_.wake();
  });
  settler_.repeat(session);
  is_joined_ = was_joined_ = true;
  trouble_.clear();
  next_renewal_ = Clock::now();
  report();
}

Clock::time_point JetStreamInput::work(Session& session) {
  if (!is_joined_) {
    if (!intake_.has_begun()) return Clock::time_point::max();
    join(session);
  }
  const Clock::time_point now = Clock::now();
  settler_.proved(proved_.exchange(0));
  // Before what comes in is looked at, and before anything is given back: a request that is still open would get it again.
  if (!intake_.is_reading()) puller_.stop();
  take_in(session, now);
  settler_.settle(session, intake_.take_settled());
  if (!intake_.is_reading()) give_back(session);
  if (!intake_.deliver())
    health_.set(
        Health::input, CLEAT_HEALTH_DEGRADED,
        "the host refused an event as invalid, see the log; the server gives it out again after ackWait");
  keep_leases(session, now);
  const Clock::time_point due = puller_.pull(session, intake_.room(), intake_.out() + intake_.waiting(), now);
  report();
  health_.beat();
  return std::min({due, next_renewal_, intake_.out() == 0 ? due : next_withdrawal_});
}

void JetStreamInput::take_in(Session& session, Clock::time_point now) {
  std::vector<Message> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(arrived_);
  }
  for (Message& message : arrived)
    take_message(session, std::move(message), now);
}

void JetStreamInput::take_message(Session& session, Message message, Clock::time_point now) {
  const auto address = parse_ack_address(reply_of(message));
  if (!address) {
    std::string trouble = puller_.ended(message, now);
    if (!trouble.empty() || status_of(message).code == 408) trouble_ = std::move(trouble);
    return;
  }
  puller_.arrived();
  trouble_.clear();
  const Key key{address->sequence, address->stored_ns};
  std::string ack(reply_of(message));
  if (settler_.settle_again(session, key, ack) || intake_.adopt(key, ack, now)) return;
  intake_.offer({std::shared_ptr<natsMsg>(std::move(message)), std::move(ack), key, now, false});
}

void JetStreamInput::give_back(Session& session) {
  settler_.give_back(session, intake_.take_waiting());
}

void JetStreamInput::keep_leases(Session& session, Clock::time_point now) {
  withdraw_lost(now);
  if (now < next_renewal_) return;
  settler_.renew(session, intake_, now);
  next_renewal_ = now + std::chrono::duration_cast<Clock::duration>(consumer_.ack_wait / 3);
}

/// Looks now and then for what was not renewed in time.
void JetStreamInput::withdraw_lost(Clock::time_point now) {
  if (now < next_withdrawal_) return;
  const auto ack_wait = std::chrono::duration_cast<Clock::duration>(consumer_.ack_wait);
  next_withdrawal_ = now + ack_wait / 20;
  const Clock::time_point limit = now - ack_wait / 10 * 9;
  if (settler_.renewed() < limit) intake_.withdraw_before(limit);
}

Clock::time_point JetStreamInput::idle() {
  health_.beat();
  if (!was_joined_) return Clock::time_point::max();
  withdraw_lost(Clock::now());
  return next_withdrawal_;
}

void JetStreamInput::lost(const Failure& /*failure*/) {
  puller_.forget();
  answers_.reset();
  is_joined_ = false;
  // What has arrived and was not looked at comes again.
  const std::lock_guard lock(mutex_);
  arrived_.clear();
}

void JetStreamInput::report() {
  const std::size_t here = intake_.out() + intake_.waiting();
  if (consumer_.max_ack_pending > 0 && here >= static_cast<std::size_t>(consumer_.max_ack_pending) &&
      intake_.room() != 0)
    health_.set(Health::input, CLEAT_HEALTH_STALLED,
                "all that the consumer gives out at a time is unsettled (maxAckPending " +
                    std::to_string(consumer_.max_ack_pending) + "); the oldest is " + wanted_.stream + "@" +
                    std::to_string(intake_.oldest().sequence));
  else if (!trouble_.empty())
    health_.set(Health::input, CLEAT_HEALTH_DEGRADED, trouble_);
  else
    health_.set(Health::input, CLEAT_HEALTH_UP,
                "reads stream '" + wanted_.stream + "' as consumer '" + wanted_.durable + "'");
}

void JetStreamInput::closing(Session& session, Clock::time_point end) {
  if (!is_joined_) return;
  puller_.stop();
  settler_.settle(session, intake_.take_settled());
  puller_.wait_stopped(std::min<Clock::time_point>(Clock::now() + kLastMessages, end - kLastTime));
  take_in(session, Clock::now());
  give_back(session);
  const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now()).count();
  session.flush(std::clamp<std::int64_t>(left, 1, kFlushMs));
  puller_.forget();
  answers_.reset();
}

}  // namespace cleat::nats
