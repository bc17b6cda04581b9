#include "receiver.hpp"

#include <algorithm>
#include <utility>

#include "common/deadlines.hpp"
#include "common/deliver_one.hpp"

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAtOnce = 32;
/// So many settled ones that the queue does not confirm stop the reading.
constexpr std::size_t kMostSettled = 1000;
constexpr auto kAnswerWithin = 15s;
constexpr auto kFirstIdle = 50ms;
constexpr const char* kNoList =
    "the answer to Get Messages is not what was expected: is the endpoint a queue service?";
constexpr const char* kIncomplete =
    "a message came without MessageId or PopReceipt and cannot be settled: it is not delivered and comes "
    "again; is the endpoint a queue service?";

}  // namespace

Receiver::Receiver(Host host, common::EventLoop& loop, azure::Place& queue, const QueueConfig& config,
                   Complain complain)
    : host_(host),
      loop_(loop),
      queue_(queue),
      config_(config),
      complain_(std::move(complain)),
      receive_back_off_(200ms, 30s) {}

void Receiver::begin(const Window& window) {
  window_ = window;
  is_reading_ = true;
  is_host_full_ = false;
  idle_ = 0ms;
  pump();
}

void Receiver::set_window(const Window& window) {
  window_ = window;
  is_host_full_ = false;
  deliver_backlog();
  pump();
}

/// What is settled has left the window already.
std::size_t Receiver::room() const {
  const std::size_t taken = leases_.size() - settled_count_ + asked_for_;
  return taken < window_.max_events ? window_.max_events - taken : 0;
}

void Receiver::pump() {
  const bool may_read = is_reading_ && !is_closed_ && !is_host_full_ && !is_receiving_ && backlog_.empty();
  if (!may_read || pump_timer_ != 0 || settled_count_ >= kMostSettled) return;
  const std::size_t most = std::min(room(), kMostAtOnce);
  if (most != 0) receive(most);
}

void Receiver::pump_after(std::chrono::milliseconds wait) {
  if (pump_timer_ != 0 || is_closed_) return;
  pump_timer_ = loop_.after(wait, [this] {
    pump_timer_ = 0;
    pump();
  });
}

void Receiver::receive(std::size_t most) {
  is_receiving_ = true;
  asked_for_ = most;
  azure::ServiceRequest request;
  request.what = "Get Messages";
  request.path = "/messages";
  request.query = {{"numofmessages", std::to_string(most)},
                   {"visibilitytimeout", std::to_string(config_.visibility.count())}};
  // A second one would make invisible what nobody gets to see.
  request.may_run_twice = false;
  request.deadline_ns = common::ns_after(kAnswerWithin);
  queue_.ask(std::move(request),
             [this, asked_at = Clock::now()](common::HttpResponse* answer, const azure::Failure* failure) {
               received(asked_at, answer, failure);
             });
}

void Receiver::received(Clock::time_point asked_at, const common::HttpResponse* answer,
                        const azure::Failure* failure) {
  is_receiving_ = false;
  asked_for_ = 0;
  auto messages = answer != nullptr ? messages_of(answer->body, config_) : std::nullopt;
  if (!messages) {
    if (failure == nullptr) {
      host_.log(CLEAT_LOG_WARN, kNoList, {{"queue", config_.queue}});
      complain_(kNoList);
    }
    const std::chrono::milliseconds asked(failure != nullptr ? failure->retry_after_ms : 0);
    pump_after(std::max(receive_back_off_.next(), asked));
    return look_if_settled();
  }
  const auto incomplete =
      std::partition(messages->begin(), messages->end(), [](const Message& each) { return each.is_whole(); });
  const bool are_whole = incomplete == messages->end();
  if (!are_whole) {
    if (!std::exchange(said_incomplete_, true))
      host_.log(CLEAT_LOG_ERROR, kIncomplete, {{"queue", config_.queue}, {"messageID", incomplete->id}});
    complain_(kIncomplete);
    messages->erase(incomplete, messages->end());
  } else if (!messages->empty() || !said_incomplete_) {
    // An empty queue says nothing of messages that are invisible now.
    said_incomplete_ = false;
    complain_("");
  }
  if (are_whole) receive_back_off_.reset();
  idle_ = messages->empty()
              ? std::min(std::max<std::chrono::milliseconds>(idle_ * 2, kFirstIdle), config_.polling_interval)
              : 0ms;
  for (Message& message : *messages)
    take(std::move(message), asked_at + config_.visibility);
  deliver_backlog();
  look_after_soon();
  run();
  if (!are_whole) {
    pump_after(receive_back_off_.next());
  } else if (messages->empty()) {
    pump_after(idle_);
  } else {
    pump();
  }
}

void Receiver::take(Message message, Clock::time_point until) {
  const auto known = numbers_.find(message.id);
  const auto old = known != numbers_.end() ? leases_.find(known->second) : leases_.end();
  if (old != leases_.end() && old->second.wish == Wish::remove) {
    // It is done, and came back before the queue had been told: the receipt of now deletes it.
    old->second.receipt = std::move(message.receipt);
    old->second.until = until;
    old->second.again = {};
    old->second.back_off.reset();
    return enqueue(old->first, old->second);
  }
  const std::uint64_t number = ++last_number_;
  numbers_[message.id] = number;
  Lease& lease = leases_[number];
  lease.id = message.id;
  lease.receipt = message.receipt;
  lease.until = until;
  const auto done = std::find(done_.begin(), done_.end(), lease.id);
  if (done != done_.end()) {
    done_.erase(done);
    lease.wish = Wish::remove;
    ++settled_count_;
    enqueue(number, lease);
  } else if (is_reading_) {
    backlog_.emplace_back(number, std::move(message));
  } else {
    lease.wish = Wish::give_back;
    ++settled_count_;
    enqueue(number, lease);
  }
}

void Receiver::deliver_backlog() {
  while (is_reading_ && !is_host_full_ && !backlog_.empty()) {
    if (deliver(backlog_.front().first, backlog_.front().second)) backlog_.pop_front();
  }
}

/// False: the host takes no more for now.
bool Receiver::deliver(std::uint64_t number, const Message& message) {
  if (message.is_not_base64 && !std::exchange(said_not_base64_, true)) {
    host_.log(
        CLEAT_LOG_WARN,
        "a message is not base64 although decodeBase64 is set: it is delivered as it is, as others will be",
        {{"queue", config_.queue}, {"messageID", message.id}});
  }
  std::vector<cleat_kv> metadata;
  for (const auto& [name, value] : message.metadata)
    metadata.push_back({str(name), str(value)});
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = number;
  event.first_seen_wall_ns = message.inserted_wall_ns;
  event.delivery_count = message.dequeue_count;
  event.data = Buffer::of(message.body).take();
  event.source_id = str(message.id);
  event.metadata = {metadata.data(), metadata.size()};
  const cleat_status status = common::deliver_one(host_, event);
  if (status == CLEAT_OK) {
    leases_[number].is_out = true;
    return true;
  }
  if (status == CLEAT_INVALID) {
    // The host's log says what is wrong with it. It comes again when its time is over.
    forget(number);
    return true;
  }
  is_host_full_ = status == CLEAT_AGAIN;
  is_reading_ = is_reading_ && status == CLEAT_AGAIN;
  return false;
}

void Receiver::end() {
  is_reading_ = false;
  for (const auto& [number, message] : std::exchange(backlog_, {})) {
    Lease& lease = leases_[number];
    lease.wish = Wish::give_back;
    ++settled_count_;
    enqueue(number, lease);
  }
  run();
}

void Receiver::when_settled(std::function<void()> done) {
  settled_ = std::move(done);
  look_if_settled();
}

void Receiver::look_if_settled() {
  if (settled_ && settled_count_ == 0 && !is_receiving_) std::exchange(settled_, nullptr)();
}

void Receiver::close() {
  is_closed_ = true;
  settled_ = nullptr;
  if (settled_count_ == 0) return;
  host_.log(CLEAT_LOG_WARN,
            "the queue did not confirm all that was settled before the stop: those messages come again",
            {{"queue", config_.queue}, {"messages", std::to_string(settled_count_)}});
}

}  // namespace cleat::storagequeues
