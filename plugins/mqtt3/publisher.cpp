#include "publisher.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "later.hpp"
#include "signals.hpp"

namespace cleat::mqtt {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr nanoseconds kPatience = seconds(10);  // as Dapr's component
constexpr unsigned kMostInFlight = 1000;
/// So long before its deadline a call is answered with what is known, but never more than a quarter of its time.
constexpr std::uint64_t kMarginNs = 500'000'000;

Refusal unsent(bool is_connected) {
  const char* why =
      is_connected ? "the broker does not acknowledge those before it" : "the broker is not connected";
  return {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE,
          std::string("failed to publish: mqtt client timeout: the message was not sent in time, because ") +
              why};
}

/// Nobody can say whether the broker has it, so the call is not said to be safe to repeat.
Refusal unacknowledged() {
  return {CLEAT_TIMEOUT, 0,
          "failed to publish: mqtt client timeout: the message was sent and not acknowledged in time; the "
          "broker may have it"};
}

}  // namespace

Publisher::Publisher(const MqttConfig& config, Host host, Health& health, const TlsContext* tls)
    : config_(config), host_(host), health_(health), tls_(tls), resolver_(wake_) {
  thread_ = std::thread([this] { run(); });
}

void Publisher::create(const Request& request, Call&& call) {
  Publication publication = read_publication(request, config_);
  const std::uint64_t deadline = request.raw().deadline_ns;
  const std::uint64_t now = host_.now_ns();
  std::uint64_t answer_by = UINT64_MAX;
  if (deadline != 0)
    answer_by = deadline > now ? deadline - std::min(kMarginNs, (deadline - now) / 4) : deadline;
  {
    const std::lock_guard lock(mutex_);
    if (!why_down_.empty()) throw Error(CLEAT_UNAVAILABLE, why_down_, CLEAT_RETRYABLE);
    new_.emplace_back(std::move(call), std::move(publication), answer_by);
    ++open_;
  }
  wake_.notify();
}

void Publisher::run() {
  keep_signals_away();
  while (!quit_) {
    bool is_well = false;
    host_.guarded("the thread that publishes", [&] {
      advance(host_.now_ns());
      wait(host_.now_ns());
      is_well = true;
    });
    if (!is_well) over({"a failure inside the plugin, which the log describes"}, host_.now_ns());
  }
  take_calls();
  if (client_) {
    client_->disconnect();
    over({"the component stopped"}, host_.now_ns());
  }
  fail_waiting("the component stopped before the message was sent");
}

void Publisher::advance(std::uint64_t now) {
  take_calls();
  if (phase_ == Phase::waiting && now >= retry_at_ns_) {
    phase_ = Phase::resolving;
    resolver_.ask(config_.server.host, config_.server.port);
  }
  if (phase_ == Phase::resolving) take_addresses(now);
  if (client_) {
    auto end = client_->advance(std::exchange(events_, short{0}));
    if (!end && phase_ == Phase::connecting && now >= attempt_ends_ns_)
      end.emplace().why = "no connection within 10 s";
    if (end) over(*end, now);
  }
  if (phase_ == Phase::accepted) send(now);
  keep_deadlines(now);
  give_up_if_stuck(now);
}

void Publisher::wait(std::uint64_t now) {
  // The library keeps the connection alive when it is called, in whole seconds.
  const auto tick = std::clamp<seconds>(config_.keep_alive / 4, seconds(1), seconds(5));
  std::uint64_t until = client_ ? later(now, tick) : UINT64_MAX;
  if (phase_ == Phase::waiting) until = retry_at_ns_;
  until = std::min(until, next_due_ns_);
  int timeout_ms = -1;
  if (until != UINT64_MAX)
    timeout_ms =
        until <= now ? 0 : static_cast<int>(std::min<std::uint64_t>((until - now) / 1'000'000 + 1, 60'000));
  std::array<pollfd, 2> polled{{{wake_.fd(), POLLIN, 0}, {client_ ? client_->fd() : -1, POLLIN, 0}}};
  if (client_ && client_->wants_write()) polled[1].events |= POLLOUT;
  ::poll(polled.data(), 2, timeout_ms);
  if (polled[0].revents != 0) wake_.clear();
  events_ = polled[1].revents;
}

void Publisher::take_calls() {
  const std::lock_guard lock(mutex_);
  waiting_.splice(waiting_.end(), new_);
}

void Publisher::take_addresses(std::uint64_t now) {
  std::optional<Resolver::Answer> answer = resolver_.take();
  if (!answer) return;
  if (answer->addresses.empty()) return try_again(later(now, back_off_.next()), answer->error);
  addresses_ = std::move(answer->addresses);
  next_address_ = 0;
  connect_next(now);
}

void Publisher::connect_next(std::uint64_t now) {
  phase_ = Phase::connecting;
  attempt_ends_ns_ = later(now, kPatience);
  client_ = std::make_unique<MosquittoClient>(config_, tls_, static_cast<Listener&>(*this));
  const auto patience = std::chrono::milliseconds(config_.keep_alive) + seconds(5);
  if (const auto end = client_->connect(addresses_[next_address_++], patience)) over(*end, now);
}

void Publisher::send(std::uint64_t now) {
  while (!waiting_.empty() && sent_.size() + late_.size() < most_in_flight_ && phase_ == Phase::accepted) {
    const auto place = waiting_.begin();
    published_early_ = 0;
    const std::optional<Refusal> refusal = client_->publish(place->publication, place->id);
    if (refusal) {
      finish(waiting_, place, refusal);
      if (client_->fd() < 0) over({"the connection broke while a message was sent"}, now);
      continue;
    }
    if (place->id == published_early_) {
      finish(waiting_, place, refusal_of(early_code_, place->publication.topic));
      continue;
    }
    by_id_[place->id] = place;
    sent_.splice(sent_.end(), waiting_, place);
  }
}

void Publisher::accepted(unsigned receive_maximum) {
  phase_ = Phase::accepted;
  most_in_flight_ = std::clamp(receive_maximum, 1U, kMostInFlight);
  guard_.accepted(host_.now_ns());
  is_connected_ = true;
  {
    const std::lock_guard lock(mutex_);
    why_down_.clear();
  }
  health_.set(Health::output, CLEAT_HEALTH_UP, "connected to " + config_.server.name());
}

void Publisher::published(int id, std::uint8_t code) {
  if (late_.erase(id) != 0) return;
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    published_early_ = id;
    early_code_ = code;
    return;
  }
  const Calls::iterator place = found->second;
  by_id_.erase(found);
  finish(sent_, place, refusal_of(code, place->publication.topic));
}

void Publisher::finish(Calls& calls, Calls::iterator place, const std::optional<Refusal>& refusal) {
  if (refusal)
    place->call.fail(refusal->status, refusal->text, refusal->flags, refusal->native_code);
  else
    place->call.complete();
  calls.erase(place);
  const std::lock_guard lock(mutex_);
  if (--open_ == 0) answered_.notify_all();
}

void Publisher::keep_deadlines(std::uint64_t now) {
  next_due_ns_ = UINT64_MAX;
  for (Calls* calls : {&waiting_, &sent_}) {
    for (auto next = calls->begin(); next != calls->end();) {
      const auto place = next++;
      if (place->answer_by_ns > now) {
        next_due_ns_ = std::min(next_due_ns_, place->answer_by_ns);
      } else if (calls == &sent_) {
        by_id_.erase(place->id);
        late_.insert(place->id);
        finish(sent_, place, unacknowledged());
      } else {
        finish(waiting_, place, unsent(phase_ == Phase::accepted));
      }
    }
  }
}

/// A broker that acknowledges nothing would have no call sent any more.
void Publisher::give_up_if_stuck(std::uint64_t now) {
  if (phase_ != Phase::accepted || late_.size() < most_in_flight_) {
    stuck_since_ns_ = UINT64_MAX;
    return;
  }
  stuck_since_ns_ = std::min(stuck_since_ns_, now);
  if (now >= later(stuck_since_ns_, kPatience)) over({"the broker acknowledges nothing"}, now);
}

void Publisher::over(const MosquittoClient::End& end, std::uint64_t now) {
  const bool was_accepted = phase_ == Phase::accepted;
  client_.reset();
  is_connected_ = false;
  by_id_.clear();
  late_.clear();
  while (!sent_.empty())
    finish(sent_, sent_.begin(),
           Refusal{CLEAT_UNAVAILABLE, 0,
                   "failed to publish: the connection ended before the message was acknowledged (" + end.why +
                       "); the broker may have it"});
  const std::string another =
      "another client with the id '" + config_.output_id() +
      "' throws this one out; give each replica a consumerID of its own. Tried again in a minute";
  if (was_accepted && !guard_.was_short(now)) back_off_.reset();
  if (end.is_taken_over || (end.is_by_broker && guard_.ended(now))) {
    guard_.forget();
    return try_again(later(now, TakeoverGuard::kPause), another);
  }
  // After a loss the calls wait for the next attempt; after an attempt that failed they are told.
  if (was_accepted) {
    phase_ = Phase::waiting;
    retry_at_ns_ = later(now, back_off_.next());
    health_.set(Health::output, CLEAT_HEALTH_DOWN, "MQTT broker " + config_.server.name() + ": " + end.why);
    return;
  }
  if (!end.is_refusal && next_address_ < addresses_.size()) return connect_next(now);
  try_again(later(now, back_off_.next()), end.why);
}

void Publisher::try_again(std::uint64_t at_ns, const std::string& why) {
  phase_ = Phase::waiting;
  retry_at_ns_ = at_ns;
  const std::string text = "MQTT broker " + config_.server.name() + ": " + why;
  health_.set(Health::output, CLEAT_HEALTH_DOWN, text);
  {
    const std::lock_guard lock(mutex_);
    why_down_ = text;
  }
  fail_waiting(text);
}

void Publisher::fail_waiting(const std::string& why) {
  take_calls();
  while (!waiting_.empty())
    finish(waiting_, waiting_.begin(), Refusal{CLEAT_UNAVAILABLE, CLEAT_RETRYABLE, why});
}

void Publisher::stop(Deadline deadline) {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    if (is_connected_)
      answered_.wait_until(lock, deadline.time() - std::chrono::milliseconds(500),
                           [this] { return open_ == 0; });
  }
  quit_ = true;
  wake_.notify();
  thread_.join();
}

}  // namespace cleat::mqtt
