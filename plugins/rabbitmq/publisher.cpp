#include "publisher.hpp"

#include <algorithm>
#include <utility>

#include "common/deadlines.hpp"
#include "common/on_loop.hpp"

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;

// More are refused: the broker is slower than its callers.
constexpr std::uint32_t kMostCalls = 8192;
constexpr std::size_t kMostKnown = 1000;
constexpr std::int64_t kAccessRefused = 403;
// A broker has a limit to the size of a message, 16 MiB or more by default; a larger one closes the channel.
constexpr std::size_t kLarge = 4U << 20U;
// What the frames of a message have besides its body, mostly.
constexpr std::size_t kHeaders = 512;

}  // namespace

Publisher::Publisher(Host host, const RabbitConfig& config, Health health)
    : host_(host),
      config_(config),
      health_(std::move(health)),
      session_(loop_, config, *this,
               Session::Hooks{[this](AmqpLink& link) {
                                link.open_for_confirms();
                                link.set_up(config_, false);
                              },
                              [this] { up(); }, [this](const Error& why) { lost(why); },
                              [this] { pump_soon(); }, [] {}}) {}

void Publisher::start() {
  loop_.start();
  loop_.post([this] { session_.open(); });
}

void Publisher::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create") {
    throw Error(CLEAT_UNSUPPORTED,
                "bindings.rabbitmq offers create, not '" + std::string(request.operation()) + "'");
  }
  Outgoing message = outgoing_of(request, {config_.exchange, config_.routing_key, config_.content_type});
  if (const auto why = session_.why_down())
    throw Error(why->status, why->what(), CLEAT_RETRYABLE, why->native_code);
  if (out_.fetch_add(1) + unconfirmed_ >= kMostCalls) {
    out_.fetch_sub(1);
    throw Error(CLEAT_THROTTLED, std::to_string(kMostCalls) + " messages wait for RabbitMQ already",
                CLEAT_RETRYABLE);
  }
  const auto pending = std::make_shared<Pending>(request.id(), std::move(call), std::move(message));
  const std::uint64_t deadline_ns = request.deadline().at_ns;
  loop_.post([this, pending, deadline_ns] { begin(pending, deadline_ns); });
}

void Publisher::up() {
  session_.is_well();
  is_aside_open_ = true;
  health_(CLEAT_HEALTH_UP, "");
}

void Publisher::begin(const PendingPtr& pending, std::uint64_t deadline_ns) {
  if (is_ending_) {
    fail(pending, CLEAT_CANCELLED, "the component stops", CLEAT_RETRYABLE);
    return;
  }
  if (const auto why = session_.why_down()) {
    fail(pending, why->status, why->what(), CLEAT_RETRYABLE, why->native_code);
    return;
  }
  if (deadline_ns != 0) {
    pending->timer = loop_.at(Deadline{deadline_ns}.time(), [this, pending] {
      pending->timer = 0;
      late(pending);
    });
  }
  const bool is_known = known_.find(pending->message.exchange) != known_.end();
  (is_known && !is_odd(pending->message) ? line_ : odd_line_).push_back(pending);
  pump_soon();
}

/// The broker looks into some headers and properties, and refuses what it does not understand there.
bool Publisher::is_odd(const Outgoing& message) const {
  if (message.body.size() > kLarge || message.properties.reply_to.rfind("amq.", 0) == 0) return true;
  if (!suspects_.empty() && suspects_.count({message.exchange, message.routing_key}) != 0) return true;
  return std::any_of(message.properties.headers.begin(), message.properties.headers.end(),
                     [](const auto& header) { return header.first == "CC" || header.first == "BCC"; });
}

/// With all that comes until then.
void Publisher::pump_soon() {
  if (std::exchange(pumps_soon_, true)) return;
  loop_.before_sleep([this] {
    pumps_soon_ = false;
    pump();
  });
}

/// Sends what waits while the socket takes it.
void Publisher::pump() {
  session_.use([this](AmqpLink& link) {
    const bool are_many = line_.size() > 1;
    if (are_many) link.hold();
    bool is_full = false;
    while (!is_full && (sending_ || !line_.empty() || !odd_line_.empty())) {
      if (!link.has_room(size_of_next())) {
        is_full = true;
      } else if (sending_) {
        sending_->rest = link.continue_message(sending_->rest);
        if (sending_->rest.empty()) sending_.reset();
      } else if (!send_next(link)) {
        break;
      }
    }
    if (are_many) link.release();
    session_.watch_room(is_full);
  });
}

/// About, and more rather than less.
std::size_t Publisher::size_of_next() const {
  if (sending_) return sending_->rest.size();
  std::size_t size = 0;
  for (const Line* line : {&line_, &odd_line_}) {
    if (!line->empty()) size = std::max(size, line->front()->message.body.size() + kHeaders);
  }
  return size;
}

/// False: what waits has to wait longer.
bool Publisher::send_next(AmqpLink& link) {
  if (is_blocked_) return false;
  const bool is_aside_free = is_aside_open_ && alone_ == nullptr;
  if (!odd_line_.empty() && is_aside_free) {
    alone_ = odd_line_.front();
    odd_line_.pop_front();
    send(link, alone_, Channel::aside);
    return true;
  }
  if (line_.empty()) return false;
  const PendingPtr next = line_.front();
  line_.pop_front();
  send(link, next, Channel::main);
  return true;
}

void Publisher::send(AmqpLink& link, PendingPtr pending, Channel channel) {
  if (!link.fits(pending->message)) {
    if (alone_ == pending) alone_ = nullptr;
    fail(pending, CLEAT_TOO_LARGE,
         "the metadata of the request is too large: RabbitMQ takes 128 KiB of headers at most", 0);
    return;
  }
  // Before it is sent: whatever happens then, it may have arrived.
  pending->is_sent = true;
  Confirms& on = confirms(channel);
  on.open.emplace(++on.last_tag, pending);
  const std::string_view rest = link.begin_message(channel, pending->message, config_.mandatory);
  if (!rest.empty()) sending_ = Sending{std::move(pending), channel, rest, {}};
}

void Publisher::on_confirm(Channel channel, std::uint64_t tag, bool multiple, bool is_ack) {
  std::map<std::uint64_t, PendingPtr>& open = confirms(channel).open;
  const auto end = open.upper_bound(tag);
  auto each = multiple ? open.begin() : open.find(tag);
  while (each != end && each != open.end()) {
    const PendingPtr pending = each->second;
    if (sending_ && sending_->pending == pending)
      throw Error(CLEAT_REMOTE, "the broker confirms a message before it has all of it");
    each = open.erase(each);
    if (channel == Channel::aside) tried(pending);
    if (pending->is_over) --unconfirmed_;
    confirm(pending, is_ack);
  }
}

/// The broker took a message aside: its exchange is there and takes messages.
void Publisher::tried(const PendingPtr& pending) {
  if (pending == alone_) alone_ = nullptr;
  suspects_.erase({pending->message.exchange, pending->message.routing_key});
  if (known_.size() >= kMostKnown) known_.clear();
  const std::string& exchange = *known_.insert(pending->message.exchange).first;
  for (auto each = odd_line_.begin(); each != odd_line_.end();) {
    const auto next = std::next(each);
    if ((*each)->message.exchange == exchange && !is_odd((*each)->message))
      line_.splice(line_.end(), odd_line_, each);
    each = next;
  }
}

void Publisher::confirm(const PendingPtr& pending, bool is_ack) {
  if (pending->is_over) return;
  if (!is_ack) {
    fail(pending, CLEAT_UNAVAILABLE, "RabbitMQ could not take the message", CLEAT_RETRYABLE);
  } else if (!pending->unroutable.empty()) {
    fail(pending, CLEAT_NOT_FOUND, pending->unroutable, 0);
  } else {
    pending->call.complete();
    forget(pending);
  }
}

/// A message that comes back has no number. The oldest of the same kind is meant: among equals it does not matter
/// which call is told.
void Publisher::on_return(Channel channel, const std::string& why, const Message& message) {
  for (const auto& [tag, pending] : confirms(channel).open) {
    const Outgoing& mine = pending->message;
    if (pending->is_over || !pending->unroutable.empty() || mine.exchange != message.exchange ||
        mine.routing_key != message.routing_key ||
        mine.properties.message_id != message.properties.message_id || mine.body != message.body)
      continue;
    pending->unroutable = "no queue takes the message: exchange '" + message.exchange + "', routing key '" +
                          message.routing_key + "' (" + why + "); bind a queue, or set mandatory to false";
    return;
  }
}

void Publisher::on_blocked(bool is_blocked, const std::string& reason) {
  is_blocked_ = is_blocked;
  blocked_why_ = reason;
  health_(is_blocked ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_UP,
          is_blocked ? "RabbitMQ takes no messages for now: " + reason : "");
}

void Publisher::on_aside_closed(const Error& why) {
  is_aside_open_ = false;
  const bool had_others = forget_confirms(Channel::aside).size() > 1;
  if (sending_ && sending_->channel == Channel::aside) sending_.reset();
  const PendingPtr refused = std::exchange(alone_, nullptr);
  if (refused == nullptr || refused->is_over) return;
  // One whose call is over may be meant: then this one, which came behind it, was not looked at.
  fail(refused, why.status,
       std::string(why.what()) + "; exchange '" + refused->message.exchange + "', routing key '" +
           refused->message.routing_key + "'",
       had_others ? CLEAT_RETRYABLE : 0, why.native_code);
}

/// Of a channel that has ended: what was not confirmed on it.
std::vector<Publisher::PendingPtr> Publisher::forget_confirms(Channel channel) {
  std::vector<PendingPtr> out;
  for (auto& [tag, pending] : std::exchange(confirms(channel), {}).open) {
    if (pending->is_over) --unconfirmed_;
    out.push_back(std::move(pending));
  }
  return out;
}

/// The broker closes the channel of all when it refuses the routing key of one, and does not say which. These go aside
/// until they were taken there.
void Publisher::suspect(const Outgoing& message) {
  if (suspects_.size() >= kMostKnown) suspects_.clear();
  suspects_.emplace(message.exchange, message.routing_key);
}

void Publisher::lost(const Error& why) {
  is_blocked_ = is_aside_open_ = false;
  const PendingPtr in_part = sending_ ? sending_->pending : nullptr;
  sending_.reset();
  alone_ = nullptr;
  known_.clear();
  for (const Channel channel : {Channel::main, Channel::aside}) {
    for (const PendingPtr& pending : forget_confirms(channel)) {
      if (channel == Channel::main && why.native_code == kAccessRefused) suspect(pending->message);
      if (pending->is_over) continue;
      if (pending == in_part) {
        fail(pending, CLEAT_UNAVAILABLE,
             std::string(why.what()) + "; a part of the message was sent, so RabbitMQ does not have it",
             CLEAT_RETRYABLE, why.native_code);
        continue;
      }
      fail(pending, CLEAT_UNAVAILABLE,
           std::string(why.what()) + "; the message was sent and not confirmed, so RabbitMQ may have it", 0,
           why.native_code);
    }
  }
  for (Line* line : {&line_, &odd_line_}) {
    for (const PendingPtr& pending : std::exchange(*line, {}))
      fail(pending, why.status, why.what(), CLEAT_RETRYABLE, why.native_code);
  }
  health_(CLEAT_HEALTH_DOWN, why.what());
}

bool Publisher::take_back(const PendingPtr& pending) {
  if (pending->is_sent) return false;
  line_.remove(pending);
  odd_line_.remove(pending);
  return true;
}

void Publisher::late(const PendingPtr& pending) {
  if (pending->is_over) return;
  if (take_back(pending)) {
    const char* what = is_blocked_        ? "RabbitMQ takes no messages for now: "
                       : session_.is_up() ? "RabbitMQ takes no more for now; the message was not sent"
                                          : "there was no connection to RabbitMQ within the time of the call";
    fail(pending, CLEAT_TIMEOUT, is_blocked_ ? what + blocked_why_ : what, CLEAT_RETRYABLE);
    return;
  }
  // Its bytes go back to the host with the call.
  if (sending_ && sending_->pending == pending) {
    sending_->kept = sending_->rest;
    sending_->rest = sending_->kept;
  }
  pending->message.body = {};
  ++unconfirmed_;
  // Others need not wait for a confirm that may never come.
  if (pending == alone_) {
    alone_ = nullptr;
    pump_soon();
  }
  fail(pending, CLEAT_TIMEOUT,
       "RabbitMQ did not confirm the message within the time of the call; it may have it", 0);
}

void Publisher::cancel(std::uint64_t call_id) {
  loop_.post([this, call_id] {
    for (const Line* line : {&line_, &odd_line_}) {
      const auto found = std::find_if(line->begin(), line->end(),
                                      [&](const PendingPtr& each) { return each->id == call_id; });
      if (found == line->end()) continue;
      const PendingPtr pending = *found;
      take_back(pending);
      fail(pending, CLEAT_CANCELLED, "cancelled before it was sent", CLEAT_RETRYABLE);
      return;
    }
  });
}

void Publisher::fail(const PendingPtr& pending, cleat_status status, const std::string& text,
                     std::uint32_t flags, std::int64_t native_code) {
  pending->call.fail(status, text, flags, native_code);
  forget(pending);
}

void Publisher::forget(const PendingPtr& pending) {
  pending->is_over = true;
  if (pending->timer != 0) loop_.cancel(std::exchange(pending->timer, 0));
  out_.fetch_sub(1);
  check_empty();
}

void Publisher::check_empty() {
  if (when_empty_ && out_ == 0) std::exchange(when_empty_, nullptr)();
}

void Publisher::stop(Deadline deadline) {
  const auto now = std::chrono::steady_clock::now();
  // Half of the time is for the farewell.
  const Deadline half{common::ns_of(now + (deadline.time() - now) / 2)};
  common::run_and_wait(loop_, half, [this](std::function<void()> done) {
    is_ending_ = true;
    if (out_ == 0 || !session_.is_up() || is_blocked_) {
      done();
    } else {
      when_empty_ = std::move(done);
    }
  });
  loop_.post([this, deadline] { end(deadline); });
  loop_.stop();
}

void Publisher::end(Deadline deadline) {
  when_empty_ = nullptr;
  for (const Channel channel : {Channel::main, Channel::aside}) {
    for (const PendingPtr& pending : forget_confirms(channel)) {
      if (pending->is_over) continue;
      fail(pending, CLEAT_CANCELLED,
           "the component stopped before RabbitMQ had confirmed the message; it may have it", 0);
    }
  }
  for (Line* line : {&line_, &odd_line_}) {
    for (const PendingPtr& pending : std::exchange(*line, {}))
      fail(pending, CLEAT_CANCELLED, "the component stops", CLEAT_RETRYABLE);
  }
  session_.close(deadline);
}

}  // namespace cleat::rabbitmq
