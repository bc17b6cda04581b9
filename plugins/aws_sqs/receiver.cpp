#include "receiver.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/deadlines.hpp"
#include "common/deliver_one.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostReceivers = 10;
constexpr std::size_t kMostAtOnce = 10;
/// So many acknowledged ones that the queue does not confirm stop the reading.
constexpr std::size_t kMostDone = 1000;
/// Of the messages that are not deleted, so many are named.
constexpr std::size_t kMostNamed = 100;
/// Beyond the time that a request waits for messages on purpose.
constexpr auto kAnswerWithin = 10s;
/// The tag of all requests that wait, to end them by: calls of the application have none.
constexpr std::uint64_t kReceiveTag = 1;

}  // namespace

Receiver::Receiver(Host host, common::CurlLoop& curl, Queue& queue, const SqsConfig& config)
    : host_(host),
      curl_(curl),
      loop_(curl.loop()),
      queue_(queue),
      config_(config),
      receive_back_off_(200ms, 30s),
      delete_back_off_(200ms, 10s) {}

void Receiver::begin(const Window& window) {
  window_ = window;
  is_reading_ = true;
  is_host_full_ = false;
  wanted_ = 1;
  look();
  renew_soon();
  pump();
}

/// Whether the queue puts aside what was received too often.
void Receiver::look() {
  queue_.when_found([this](const aws::Failure* failure) {
    if (failure != nullptr || is_closed_) return;
    Queue::Ask ask;
    ask.action = Action::look;
    ask.members = R"(,"AttributeNames":["RedrivePolicy"])";
    ask.deadline_ns = common::ns_after(kAnswerWithin);
    queue_.ask(std::move(ask), [this](const common::JsonValue* answer, const aws::Failure*) {
      const common::JsonValue* attributes = answer != nullptr ? answer->find("Attributes") : nullptr;
      const common::JsonValue* policy = attributes != nullptr ? attributes->find("RedrivePolicy") : nullptr;
      has_redrive_ = policy != nullptr && !policy->text.empty();
    });
  });
}

void Receiver::set_window(const Window& window) {
  window_ = window;
  is_host_full_ = false;
  deliver_backlog();
  pump();
}

std::size_t Receiver::room() const {
  const std::size_t taken = (out_.size() - done_) + backlog_.size() + asked_for_;
  return taken < window_.max_events ? window_.max_events - taken : 0;
}

void Receiver::pump() {
  if (!is_reading_ || is_closed_ || pump_timer_ != 0 || is_host_full_ || done_ >= kMostDone) return;
  // Without keys it has failed when receive() returns, and the timer runs.
  while (receiving_ < wanted_ && pump_timer_ == 0) {
    const std::size_t most = std::min(room(), kMostAtOnce);
    if (most == 0) return;
    receive(most);
  }
}

void Receiver::receive(std::size_t most) {
  ++receiving_;
  asked_for_ += most;
  queue_.when_found([this, most](const aws::Failure* failure) {
    if (failure != nullptr) return received(most, Clock::now(), nullptr, failure);
    Queue::Ask ask;
    ask.action = Action::receive;
    ask.members = ",\"MaxNumberOfMessages\":" + std::to_string(most) +
                  ",\"WaitTimeSeconds\":" + std::to_string(config_.wait.count()) +
                  ",\"VisibilityTimeout\":" + std::to_string(config_.visibility.count()) +
                  R"(,"AttributeNames":["All"],"MessageAttributeNames":["All"])";
    ask.tag = kReceiveTag;
    ask.deadline_ns = common::ns_after(config_.wait + kAnswerWithin);
    // A second one would make invisible what nobody gets to see.
    ask.may_run_twice = false;
    queue_.ask(std::move(ask), [this, most, asked_at = Clock::now()](const common::JsonValue* answer,
                                                                     const aws::Failure* failed) {
      received(most, asked_at, answer, failed);
    });
  });
}

void Receiver::received(std::size_t most, Clock::time_point asked_at, const common::JsonValue* answer,
                        const aws::Failure* failure) {
  --receiving_;
  asked_for_ -= most;
  if (failure != nullptr) {
    wanted_ = 1;
    if (is_closed_ || pump_timer_ != 0) return;
    const auto wait = std::max(receive_back_off_.next(), std::chrono::milliseconds(failure->retry_after_ms));
    pump_timer_ = loop_.after(wait, [this] {
      pump_timer_ = 0;
      pump();
    });
    return;
  }
  receive_back_off_.reset();
  std::vector<Incoming> messages = incoming_of(*answer, config_);
  // Where one finds all that it may have there is more; where one waits in vain one is enough.
  if (messages.size() == most) wanted_ = std::min(wanted_ * 2, kMostReceivers);
  if (messages.empty()) wanted_ = 1;
  // Counted from the question if it did not wait: the queue counts from when it gave them out.
  const std::chrono::milliseconds visibility = config_.visibility;
  const Clock::time_point given_at =
      std::max(asked_at, Clock::now() - std::min<std::chrono::milliseconds>(visibility / 8, 1s));
  for (Incoming& message : messages) {
    Lease lease{message.receipt, message.id, 0, given_at, given_at + config_.visibility};
    if (is_reading_) {
      backlog_.push_back({++last_event_, std::move(message), std::move(lease)});
    } else {
      give_back(++last_event_, lease, 0s);
    }
  }
  deliver_backlog();
  pump();
}

/// In the order of each group; one whose lane has all that it may have out waits, and holds up no other.
void Receiver::deliver_backlog() {
  lost(ended_backlog(Clock::now()),
       "the lease of messages ran out before there was room for them; others may get them as well");
  common::Turns turns(lanes_, window_.max_per_lane);
  for (auto each = backlog_.begin(); is_reading_ && !is_host_full_ && each != backlog_.end();) {
    const std::string& group = config_.queue.is_fifo() ? each->message.group : std::string();
    const std::optional<std::uint64_t> lane = turns.lane_of(group);
    if (!lane) {
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
  event.first_seen_wall_ns = message.first_received_ns;
  event.delivery_count = message.receive_count;
  event.data = Buffer::of(message.body).take();
  event.content_type = str(message.content_type);
  event.source_id = str(message.id);
  event.key = str(message.group);
  event.metadata = {metadata.data(), metadata.size()};
  event.traceparent = str(message.traceparent);
  event.tracestate = str(message.tracestate);
  event.baggage = str(message.baggage);
  const cleat_status status = common::deliver_one(host_, event);
  if (status == CLEAT_OK) {
    Lease& lease = out_[waiting.event] = waiting.lease;
    lease.lane = lane;
    lanes_.went_out(message.group, lane);
    return true;
  }
  if (status != CLEAT_INVALID) {
    is_host_full_ = status == CLEAT_AGAIN;
    is_reading_ = is_reading_ && status == CLEAT_AGAIN;
    return false;
  }
  // The host's log says what is wrong with it. It comes again when its time is over, to be judged by the queue's own limit.
  return true;
}

void Receiver::end() {
  is_reading_ = false;
  for (Waiting& each : std::exchange(backlog_, {}))
    give_back(each.event, each.lease, 0s);
}

void Receiver::when_settled(std::function<void()> done) {
  settled_ = std::move(done);
  look_if_settled();
}

void Receiver::look_if_settled() {
  if (settled_ && done_ == 0 && changing_ == 0 && renewals_.empty() && returns_.empty())
    std::exchange(settled_, nullptr)();
}

void Receiver::close() {
  is_closed_ = true;
  curl_.cancel(kReceiveTag);
  for (common::EventLoop::TimerId* timer : {&pump_timer_, &delete_timer_, &renew_timer_}) {
    if (*timer != 0) loop_.cancel(std::exchange(*timer, 0));
  }
  if (done_ == 0) return;
  std::string ids;
  std::size_t named = 0;
  for (const auto& [event, lease] : out_) {
    if (lease.is_done && named++ < kMostNamed) ids += (ids.empty() ? "" : " ") + lease.message_id;
  }
  host_.log(CLEAT_LOG_WARN, "SQS did not confirm all deletions before the stop: those messages come again",
            {{"queue", config_.queue.name}, {"messages", std::to_string(done_)}, {"ids", ids}});
}

}  // namespace cleat::sqs
