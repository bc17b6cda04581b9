#include "publisher.hpp"

#include <algorithm>
#include <iterator>

#include "common/deadlines.hpp"

namespace cleat::pubsub {
namespace {

// Larger requests gain nothing; a message that is larger goes alone.
constexpr std::size_t kMostBatchBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostRequests = 32, kMostOfOutlet = 16;
constexpr std::size_t kMostCalls = 8192;
constexpr std::size_t kMostWaitingBytes = std::size_t{64} << 20U;

}  // namespace

void Publisher::invoke(const Request& request, Call&& call) {
  Outgoing message = outgoing_of(request, config_);
  const std::size_t size = message.json.size();
  const std::size_t calls = count_.fetch_add(1), bytes = bytes_.fetch_add(size);
  if (calls >= kMostCalls || (bytes != 0 && bytes + size > kMostWaitingBytes)) {
    count_.fetch_sub(1);
    bytes_.fetch_sub(size);
    throw Error(CLEAT_THROTTLED,
                "Pub/Sub is slower than its callers: " + std::to_string(calls) + " calls with " +
                    std::to_string(bytes) + " bytes wait for it already",
                CLEAT_RETRYABLE);
  }
  auto pending = std::make_shared<Pending>(Pending{request.id(), std::move(call), std::move(message)});
  pending->deadline_ns = request.deadline().at_ns != 0 ? request.deadline().at_ns : INT64_MAX;
  service_.loop().post([this, pending] { begin(pending); });
}

void Publisher::cancel(std::uint64_t call_id) {
  service_.loop().post([this, call_id] {
    const auto found = calls_.find(call_id);
    if (found == calls_.end()) return;
    const PendingPtr pending = found->second;
    give_up(pending, CLEAT_CANCELLED, "nobody waits for the answer any more");
  });
}

void Publisher::begin(const PendingPtr& pending) {
  calls_[pending->id] = pending;
  if (is_ended_) return give_up(pending, CLEAT_CANCELLED, "the component has stopped");
  const Deadline deadline{pending->deadline_ns};
  pending->timer = service_.loop().at(deadline.time(), [this, pending] {
    pending->timer = 0;
    give_up(pending, CLEAT_TIMEOUT,
            pending->was_sent ? "Pub/Sub did not answer within the time of the call"
                              : "the message could not be sent within the time of the call");
  });
  const Name name{pending->message.topic, pending->message.key};
  Outlet& outlet = outlets_[name];
  outlet.name = name;
  if (outlet.waiting.empty()) outlet.waiting_since = Clock::now();
  pending->place = outlet.waiting.insert(outlet.waiting.end(), pending);
  pending->outlet = &outlet;
  flush_soon(outlet);
}

/// What came together goes together.
void Publisher::flush_soon(Outlet& outlet) {
  if (std::exchange(outlet.is_flushing, true)) return;
  service_.loop().before_sleep([this, name = outlet.name] { flush(name); });
}

bool Publisher::is_due(const Outlet& outlet) const {
  if (outlet.requests == 0) return true;
  if (!outlet.name.second.empty()) return false;
  return outlet.waiting.size() >= kMostMessages || Clock::now() >= outlet.waiting_since + config_.linger;
}

void Publisher::flush(const Name& name) {
  const auto found = outlets_.find(name);
  if (found == outlets_.end() || is_ended_) return;
  Outlet& outlet = found->second;
  outlet.is_flushing = false;
  while (!outlet.waiting.empty() && outlet.requests < kMostOfOutlet && is_due(outlet)) {
    if (requests_ >= kMostRequests) {
      outlet.is_flushing = true;
      ready_.push_back(name);
      return;
    }
    send(outlet, next_batch(outlet));
    outlet.waiting_since = Clock::now();
  }
  const bool may_linger = name.second.empty() && outlet.requests < kMostOfOutlet;
  if (!outlet.waiting.empty() && may_linger && outlet.linger == 0) {
    outlet.linger = service_.loop().at(outlet.waiting_since + config_.linger, [this, name] {
      const auto due = outlets_.find(name);
      if (due == outlets_.end()) return;
      due->second.linger = 0;
      flush_soon(due->second);
    });
  }
  forget_if_idle(name);
}

Publisher::Batch Publisher::next_batch(Outlet& outlet) {
  Batch batch;
  std::size_t bytes = 0;
  while (!outlet.waiting.empty() && batch.size() < kMostMessages) {
    const PendingPtr& next = outlet.waiting.front();
    if (!batch.empty() && (next->goes_alone || bytes + next->message.bytes > kMostBatchBytes)) break;
    bytes += next->message.bytes;
    next->outlet = nullptr;
    batch.push_back(next);
    outlet.waiting.pop_front();
    if (batch.back()->goes_alone) break;
  }
  return batch;
}

void Publisher::send(Outlet& outlet, Batch batch) {
  Service::Ask ask;
  ask.action = Action::publish;
  ask.name = outlet.name.first;
  ask.body = "{\"messages\":[";
  for (const PendingPtr& each : batch) {
    if (each != batch.front()) ask.body += ',';
    ask.body += each->message.json;
    ask.deadline_ns = std::max(ask.deadline_ns, each->deadline_ns);
  }
  ask.body += "]}";
  for (const PendingPtr& each : batch)
    each->may_go_until_ns = ask.deadline_ns;
  const auto all = std::make_shared<const Batch>(std::move(batch));
  ask.on_begin = [all] {
    for (const PendingPtr& each : *all)
      each->was_sent = true;
  };
  ++requests_;
  ++outlet.requests;
  service_.ask(std::move(ask), [this, name = outlet.name, all](const Service::Answer& answer) {
    answered(name, *all, answer);
  });
}

void Publisher::answered(const Name& name, const Batch& batch, const Service::Answer& answer) {
  Outlet& outlet = outlets_[name];
  --requests_;
  --outlet.requests;
  const google::Failure* const failure = answer.failure;
  const bool is_one_bad = failure != nullptr && batch.size() > 1 && !is_ended_ &&
                          (failure->http_status == 400 || failure->http_status == 413);
  if (failure == nullptr) {
    take(batch, *answer.json);
  } else if (is_one_bad) {
    send_apart(outlet, batch);
  } else {
    for (const PendingPtr& each : batch)
      fail(each, *failure);
  }
  if (is_ended_) return;
  // Before this one, so that it does not keep the others from their turn.
  if (!ready_.empty()) service_.loop().before_sleep([this] { flush_ready(); });
  flush_soon(outlet);
}

void Publisher::flush_ready() {
  while (requests_ < kMostRequests && !ready_.empty()) {
    const Name next = std::move(ready_.front());
    ready_.pop_front();
    flush(next);
  }
}

/// In the order of the messages.
void Publisher::take(const Batch& batch, const common::JsonValue& answer) {
  const common::JsonValue* const ids = answer.find("messageIds");
  const std::size_t count = ids != nullptr ? ids->items.size() : 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const PendingPtr& pending = batch[i];
    if (pending->is_over) continue;
    if (count != batch.size()) {
      google::Failure strange;
      strange.text = "Pub/Sub Publish " + pending->message.topic + ": the answer has " +
                     std::to_string(count) + " ids for " + std::to_string(batch.size()) +
                     " messages; the message may be in the topic";
      fail(pending, strange);
      continue;
    }
    Response response;
    response.metadata.emplace_back("id", ids->items[i].text);
    pending->call.complete(std::move(response));
    finish(pending);
  }
}

/// The service takes all of a request or nothing: a message that it refuses must not take others with it.
void Publisher::send_apart(Outlet& outlet, const Batch& batch) {
  for (auto each = batch.rbegin(); each != batch.rend(); ++each) {
    const PendingPtr& pending = *each;
    if (pending->is_over) continue;
    pending->goes_alone = true;
    pending->was_sent = false;
    pending->may_go_until_ns = 0;
    pending->place = outlet.waiting.insert(outlet.waiting.begin(), pending);
    pending->outlet = &outlet;
  }
}

void Publisher::forget_if_idle(const Name& name) {
  const auto found = outlets_.find(name);
  Outlet& outlet = found->second;
  if (!outlet.waiting.empty() || outlet.requests != 0 || outlet.is_flushing) return;
  if (outlet.linger != 0) service_.loop().cancel(outlet.linger);
  outlets_.erase(found);
}

/// Before the service has answered. A request that has not begun goes out all the same while another call of it has time.
void Publisher::give_up(const PendingPtr& pending, cleat_status status, const std::string& why) {
  const bool is_open = pending->was_sent || common::ns_after({}) < pending->may_go_until_ns;
  google::Failure failure;
  failure.status = status;
  failure.is_retryable = !is_open;
  failure.text = is_open ? why + "; the message was on its way and may be in the topic" : why;
  fail(pending, failure);
}

void Publisher::fail(const PendingPtr& pending, const google::Failure& failure) {
  if (pending->is_over) return;
  common::fail(pending->call, failure);
  finish(pending);
}

void Publisher::finish(const PendingPtr& pending) {
  pending->is_over = true;
  if (pending->outlet != nullptr) {
    Outlet& outlet = *std::exchange(pending->outlet, nullptr);
    outlet.waiting.erase(pending->place);
    if (!is_ended_) flush_soon(outlet);
  }
  if (pending->timer != 0) service_.loop().cancel(std::exchange(pending->timer, 0));
  count_.fetch_sub(1);
  bytes_.fetch_sub(pending->message.json.size());
  calls_.erase(pending->id);
}

void Publisher::end() {
  is_ended_ = true;
  for (auto& [name, outlet] : outlets_) {
    if (outlet.linger != 0) service_.loop().cancel(std::exchange(outlet.linger, 0));
  }
  while (!calls_.empty()) {
    const PendingPtr pending = calls_.begin()->second;
    give_up(pending, CLEAT_CANCELLED, "the component stopped before Pub/Sub had answered");
  }
}

}  // namespace cleat::pubsub
