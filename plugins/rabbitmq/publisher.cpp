#include "publisher.hpp"

#include <future>
#include <utility>

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;

// More are refused: the broker is slower than its callers.
constexpr std::uint32_t kMostCalls = 8192;

}  // namespace

Publisher::Publisher(Host host, const RabbitConfig& config, Health health)
    : host_(host),
      config_(config),
      health_(std::move(health)),
      session_(loop_, config,
               AmqpEvents{[](Message&&) {},
                          [this](std::uint64_t tag, bool multiple, bool is_ack) {
                            confirmed(tag, multiple, is_ack);
                          },
                          [this](const std::string& why, const Message& message) { returned(why, message); },
                          [this](bool is_blocked, const std::string& reason) {
                            is_blocked_ = is_blocked;
                            blocked_why_ = reason;
                            health_(is_blocked ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_UP,
                                    is_blocked ? "RabbitMQ takes no messages for now: " + reason : "");
                            if (!is_blocked) send_waiting();
                          }},
               Session::Hooks{[this](AmqpLink& link) {
                                link.select_confirms();
                                link.set_up(config_, false);
                              },
                              [this] {
                                health_(CLEAT_HEALTH_UP, "");
                                send_waiting();
                              },
                              [this](const Error& why) { lost(why); }, [] {}}) {}

void Publisher::start() {
  loop_.start();
  loop_.post([this] { session_.open(); });
}

void Publisher::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create") {
    throw Error(CLEAT_UNSUPPORTED,
                "bindings.rabbitmq offers create, not '" + std::string(request.operation()) + "'");
  }
  Outgoing message = outgoing_of(request, {config_.exchange, config_.routing_key});
  if (const auto why = session_.why_down())
    throw Error(why->status, why->what(), CLEAT_RETRYABLE, why->native_code);
  if (out_.fetch_add(1) >= kMostCalls) {
    out_.fetch_sub(1);
    throw Error(CLEAT_THROTTLED, std::to_string(kMostCalls) + " messages wait for RabbitMQ already",
                CLEAT_RETRYABLE);
  }
  auto pending = std::make_shared<Pending>(Pending{std::move(call), std::move(message)});
  const std::uint64_t deadline_ns = request.deadline().at_ns;
  loop_.post([this, pending, deadline_ns] { begin(pending, deadline_ns); });
}

void Publisher::begin(const PendingPtr& pending, std::uint64_t deadline_ns) {
  if (ending_) {
    fail(pending, CLEAT_CANCELLED, "the component stops");
    return;
  }
  pending->timer = loop_.at(Deadline{deadline_ns}.time(), [this, pending] {
    pending->timer = 0;
    late(pending);
  });
  if (session_.link() != nullptr && !is_blocked_) {
    send(pending);
  } else if (const auto why = session_.why_down()) {
    fail(pending, why->status, why->what());
  } else {
    waiting_.push_back(pending);
  }
}

void Publisher::send(const PendingPtr& pending) {
  session_.use([&](AmqpLink& link) {
    // Before it is sent: whatever happens then, it may have arrived.
    pending->tag = ++last_tag_;
    unconfirmed_.emplace(pending->tag, pending);
    link.publish(pending->message, config_.mandatory);
  });
}

void Publisher::send_waiting() {
  std::deque<PendingPtr> waiting;
  waiting.swap(waiting_);
  for (const PendingPtr& pending : waiting) {
    if (pending->is_over) continue;
    if (session_.link() != nullptr && !is_blocked_) {
      send(pending);
    } else {
      waiting_.push_back(pending);
    }
  }
}

void Publisher::confirmed(std::uint64_t tag, bool multiple, bool is_ack) {
  const auto end = unconfirmed_.upper_bound(tag);
  auto each = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
  while (each != end && each != unconfirmed_.end()) {
    const PendingPtr pending = each->second;
    each = unconfirmed_.erase(each);
    pending->tag = 0;
    confirm(pending, is_ack);
  }
}

void Publisher::confirm(const PendingPtr& pending, bool is_ack) {
  if (pending->is_over) {
    check_empty();
    return;
  }
  if (!is_ack) {
    fail(pending, CLEAT_UNAVAILABLE, "RabbitMQ could not take the message");
  } else if (!pending->unroutable.empty()) {
    fail(pending, CLEAT_NOT_FOUND, pending->unroutable, 0);
  } else {
    pending->call.complete();
    forget(pending);
  }
}

/// A message that comes back has no number. The oldest of the same kind is meant: among equals it does not matter
/// which call is told.
void Publisher::returned(const std::string& why, const Message& message) {
  for (const auto& [tag, pending] : unconfirmed_) {
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

void Publisher::lost(const Error& why) {
  is_blocked_ = false;
  last_tag_ = 0;  // the next connection counts anew
  std::map<std::uint64_t, PendingPtr> unconfirmed;
  unconfirmed.swap(unconfirmed_);
  for (const auto& [tag, pending] : unconfirmed) {
    if (!pending->is_over)
      fail(
          pending, CLEAT_UNAVAILABLE,
          std::string(why.what()) + "; the message had been sent and not confirmed, so RabbitMQ may have it");
  }
  std::deque<PendingPtr> waiting;
  waiting.swap(waiting_);
  for (const PendingPtr& pending : waiting) {
    if (!pending->is_over) fail(pending, why.status, why.what());
  }
  health_(CLEAT_HEALTH_DOWN, why.what());
  check_empty();
}

void Publisher::late(const PendingPtr& pending) {
  if (pending->is_over) return;
  const std::string what =
      is_blocked_         ? "RabbitMQ takes no messages for now: " + blocked_why_
      : pending->tag != 0 ? "RabbitMQ did not confirm the message within the time of the call; it may have it"
                          : "there was no connection to RabbitMQ within the time of the call";
  // Its bytes go back to the host with the call, so it is remembered without them.
  pending->message.body = {};
  fail(pending, CLEAT_TIMEOUT, what);
}

void Publisher::fail(const PendingPtr& pending, cleat_status status, const std::string& text,
                     std::uint32_t flags) {
  pending->call.fail(status, text, flags);
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

void Publisher::ping(Deadline deadline) {
  const auto answer = std::make_shared<std::promise<bool>>();
  std::future<bool> future = answer->get_future();
  loop_.post([this, answer] { answer->set_value(session_.link() != nullptr); });
  if (future.wait_until(deadline.time()) != std::future_status::ready)
    throw Error(CLEAT_TIMEOUT, "RabbitMQ did not answer in time", CLEAT_RETRYABLE);
  if (future.get()) return;
  if (const auto why = session_.why_down()) throw Error(*why);
  throw Error(CLEAT_UNAVAILABLE, "there is no connection to RabbitMQ yet", CLEAT_RETRYABLE);
}

void Publisher::stop(Deadline deadline) {
  const auto empty = std::make_shared<std::promise<void>>();
  std::future<void> future = empty->get_future();
  loop_.post([this, empty] {
    ending_ = true;
    if (out_ == 0 || session_.link() == nullptr || is_blocked_) {
      empty->set_value();
    } else {
      when_empty_ = [empty] { empty->set_value(); };
    }
  });
  future.wait_until(deadline.time() - 500ms);
  loop_.post([this] {
    when_empty_ = nullptr;
    session_.close();
    for (const auto& [tag, pending] : std::exchange(unconfirmed_, {})) {
      if (!pending->is_over)
        fail(pending, CLEAT_CANCELLED,
             "the component stopped before RabbitMQ had confirmed the message; it may have it");
    }
    for (const PendingPtr& pending : std::exchange(waiting_, {})) {
      if (!pending->is_over) fail(pending, CLEAT_CANCELLED, "the component stops");
    }
  });
  loop_.stop();
}

}  // namespace cleat::rabbitmq
