#include "calls.hpp"

#include <algorithm>

namespace cleat::nats {
namespace {

constexpr std::size_t kBatch = 256, kBatchBytes = std::size_t{1} << 20U,
                      kMostQueuedBytes = std::size_t{64} << 20U;

}  // namespace

void Calls::add(std::uint64_t id, Call&& call, Letter&& letter) {
  const std::lock_guard lock(mutex_);
  if (is_stopping_) throw Error(CLEAT_CANCELLED, "the component stops", CLEAT_RETRYABLE);
  if (down_) throw Error(down_->status, down_->text, CLEAT_RETRYABLE, down_->native);
  if (calls_.size() >= most_)
    throw Error(CLEAT_THROTTLED, "maxPending: " + std::to_string(most_) + " calls wait for NATS",
                CLEAT_RETRYABLE);
  if (queued_bytes_ != 0 && queued_bytes_ + letter.size > kMostQueuedBytes)
    throw Error(CLEAT_THROTTLED, "64 MiB wait to be sent to NATS", CLEAT_RETRYABLE);
  const std::uint64_t answer_by = letter.answer_by_ns;
  queued_bytes_ += letter.size;
  deadlines_.emplace(answer_by, id);
  queue_.push_back(id);
  calls_.emplace(id, Pending(std::move(letter), std::move(call)));
  arm(answer_by);
}

std::vector<Calls::Taken> Calls::take_queue() {
  std::vector<Taken> batch;
  std::size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  while (!queue_.empty() && batch.size() < kBatch && bytes < kBatchBytes) {
    const auto found = calls_.find(queue_.front());
    queue_.pop_front();
    if (found == calls_.end()) continue;  // out of time, or cancelled
    Pending& pending = found->second;
    pending.is_sent = true;
    queued_bytes_ -= pending.size;
    bytes += pending.size;
    batch.push_back({found->first, std::move(pending.message), pending.outgoing.kind, pending.size});
  }
  return batch;
}

bool Calls::has_any(const std::vector<std::uint64_t>& ids) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(ids.begin(), ids.end(), [this](std::uint64_t id) { return calls_.count(id) != 0; });
}

/// With the lock held.
std::optional<Pending> Calls::take_locked(std::uint64_t id) {
  auto node = calls_.extract(id);
  if (node.empty()) return std::nullopt;
  deadlines_.erase({node.mapped().answer_by_ns, id});
  if (!node.mapped().is_sent) queued_bytes_ -= node.mapped().size;
  if (calls_.empty()) empty_.notify_all();
  return std::move(node.mapped());
}

std::optional<Pending> Calls::take(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return take_locked(id);
}

std::optional<Pending> Calls::take_unsent(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(id);
  return found == calls_.end() || found->second.is_sent ? std::nullopt : take_locked(id);
}

void Calls::fail(std::uint64_t id, const Why& why) {
  std::optional<Pending> pending = take(id);
  if (!pending) return;
  const CallFailure failure = why(*pending);
  pending->call.fail(failure.status, failure.text, failure.flags, failure.native);
}

void Calls::fail_if(const std::function<bool(const Pending&)>& is_one, const Why& why) {
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, pending] : calls_) {
      if (is_one(pending)) ids.push_back(id);
    }
  }
  for (const std::uint64_t id : ids)
    fail(id, why);
}

void Calls::set_up() {
  const std::lock_guard lock(mutex_);
  down_.reset();
}

void Calls::set_down(const Failure& failure) {
  {
    const std::lock_guard lock(mutex_);
    down_ = failure;
    queue_.clear();
  }
  fail_if([](const Pending&) { return true; },
          [&](const Pending& pending) {
            return pending.is_sent
                       ? unknown_outcome(CLEAT_UNAVAILABLE, "the connection was lost before the answer came",
                                         pending.outgoing)
                       : not_sent(failure.status, failure.text);
          });
}

/// Answers the calls that are out of time. Gives the time of the next one, 0 if there is none.
std::uint64_t Calls::expire() {
  std::vector<std::uint64_t> due;
  std::uint64_t next = 0;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t now = host_.now_ns();
    for (const auto& [at_ns, id] : deadlines_) {
      if (at_ns > now) {
        next = at_ns;
        break;
      }
      due.push_back(id);
    }
  }
  for (const std::uint64_t id : due)
    fail(id, [](const Pending& pending) {
      return pending.is_sent
                 ? unknown_outcome(CLEAT_TIMEOUT, "no answer came within the time of the call",
                                   pending.outgoing)
                 : not_sent(CLEAT_TIMEOUT, "no NATS server took the message within the time of the call");
    });
  return next;
}

/// With the lock held. Sees to it that expire() runs at that time, or earlier.
void Calls::arm(std::uint64_t at_ns) {
  if (armed_ns_ != 0 && armed_ns_ <= at_ns) return;
  const auto due = [this, at_ns](bool is_cancelled) {
    if (is_cancelled) return;
    {
      const std::lock_guard lock(mutex_);
      if (armed_ns_ != at_ns) return;  // an earlier one took its place
      armed_ns_ = 0;
    }
    const std::uint64_t next = expire();
    if (next == 0) return;
    const std::lock_guard lock(mutex_);
    arm(next);
  };
  // It fails only when the component stops: then stop() keeps the time.
  if (host_.post(due, at_ns) == CLEAT_OK) armed_ns_ = at_ns;
}

bool Calls::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_;
}

void Calls::stop(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    while (!calls_.empty() && host_.now_ns() < deadline.at_ns) {
      lock.unlock();
      const std::uint64_t next = expire();
      lock.lock();
      const Deadline due{next == 0 ? deadline.at_ns : std::min(next, deadline.at_ns)};
      empty_.wait_until(lock, due.time(), [this] { return calls_.empty(); });
    }
  }
  fail_if([](const Pending&) { return true; },
          [](const Pending& pending) {
            return pending.is_sent
                       ? unknown_outcome(CLEAT_CANCELLED, "the component stopped before the answer came",
                                         pending.outgoing)
                       : not_sent(CLEAT_CANCELLED, "the component stopped before the message was sent");
          });
}

}  // namespace cleat::nats
