#include "output.hpp"

#include <algorithm>
#include <charconv>

namespace cleat::nats {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kNsPerMs = 1'000'000;
/// So long before its deadline a call is answered with the cause, but never more than a quarter of its time.
constexpr std::uint64_t kMarginNs = 200 * kNsPerMs;
constexpr std::size_t kBatch = 256, kBatchBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostQueuedBytes = std::size_t{64} << 20U, kMostBuffered = std::size_t{8} << 20U;
/// So long the line waits for a socket that takes nothing.
constexpr milliseconds kFullTime{5};
constexpr std::int64_t kFlushMs = 1'000;
constexpr milliseconds kComplaintTime{20}, kLastTime{500};

/// The subject in: Permissions Violation for Publish to "subject".
std::string_view denied_subject(std::string_view words) {
  const std::size_t begin = words.find("Publish to \"");
  if (begin == std::string_view::npos) return {};
  words.remove_prefix(begin + 12);
  return words.substr(0, words.find('"'));
}

bool is_denied(std::string_view words) {
  return words.find("ermissions") != std::string_view::npos;
}

}  // namespace

Output::Output(const NatsConfig& config, Host host, Health& health)
    : host_(host),
      config_(config),
      health_(health),
      inbox_(make_inbox(config.server.inbox_prefix)),
      line_(config.server, host, health, Health::output, *this) {}

Output::~Output() = default;

void Output::invoke(const Request& request, Call&& call) {
  Outgoing outgoing = read_outgoing(request, config_);
  const std::string reply =
      outgoing.kind == Kind::publish ? std::string() : inbox_ + "." + std::to_string(request.id());
  Message message = make_message(outgoing.subject, reply, request.data(), outgoing.headers);
  const std::size_t size = size_of(outgoing.headers) + request.data().size();
  const std::uint64_t now = host_.now_ns(), deadline = request.deadline().at_ns;
  const std::uint64_t answer_by = deadline > now ? deadline - std::min(kMarginNs, (deadline - now) / 4) : now;

  const std::lock_guard lock(mutex_);
  if (is_stopping_) throw Error(CLEAT_CANCELLED, "the component stops", CLEAT_RETRYABLE);
  if (down_) throw Error(down_->status, down_->text, CLEAT_RETRYABLE, down_->native);
  if (calls_.size() >= config_.max_pending)
    throw Error(CLEAT_THROTTLED,
                "maxPending: " + std::to_string(config_.max_pending) + " calls wait for NATS",
                CLEAT_RETRYABLE);
  if (queued_bytes_ != 0 && queued_bytes_ + size > kMostQueuedBytes)
    throw Error(CLEAT_THROTTLED, "64 MiB wait to be sent to NATS", CLEAT_RETRYABLE);
  queued_bytes_ += size;
  calls_.emplace(request.id(),
                 Pending{std::move(call), std::move(outgoing), std::move(message), answer_by, size, false});
  deadlines_.emplace(answer_by, request.id());
  queue_.push_back(request.id());
  arm(answer_by);
  line_.wake();
}

void Output::cancel(std::uint64_t call_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(call_id);
    if (found == calls_.end() || found->second.is_sent) return;
  }
  // One that is sent in this moment ends like any other that nobody waits for.
  fail(call_id, [](const Pending& pending) {
    return pending.is_sent ? unknown_outcome(CLEAT_CANCELLED, "cancelled", pending.outgoing)
                           : not_sent(CLEAT_CANCELLED, "cancelled before it was sent");
  });
}

/// With the lock held. The node of a call that nobody has completed yet; an empty one otherwise.
Output::Calls::node_type Output::take(std::uint64_t id) {
  auto node = calls_.extract(id);
  if (node.empty()) return node;
  deadlines_.erase({node.mapped().answer_by_ns, id});
  if (!node.mapped().is_sent) queued_bytes_ -= node.mapped().size;
  if (calls_.empty()) changed_.notify_all();
  return node;
}

void Output::fail(std::uint64_t id, const std::function<CallFailure(const Pending&)>& why) {
  Calls::node_type node;
  {
    const std::lock_guard lock(mutex_);
    node = take(id);
  }
  if (node.empty()) return;
  const CallFailure failure = why(node.mapped());
  node.mapped().call.fail(failure.status, failure.text, failure.flags, failure.native);
}

void Output::fail_all(const std::function<CallFailure(const Pending&)>& why) {
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, pending] : calls_)
      ids.push_back(id);
  }
  for (const std::uint64_t id : ids)
    fail(id, why);
}

void Output::opened(Session& session) {
  answers_ = std::make_unique<Subscription>(session, inbox_ + ".*", "",
                                            [this](Message answer) { answered(std::move(answer)); });
  {
    const std::lock_guard lock(mutex_);
    down_.reset();
  }
  health_.set(Health::output, CLEAT_HEALTH_UP, "connected");
}

std::vector<Output::Taken> Output::take_queue() {
  std::vector<Taken> batch;
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
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

Clock::time_point Output::work(Session& session) {
  while (session.buffered() < kMostBuffered) {
    std::vector<Taken> batch = take_queue();
    if (batch.empty()) return Clock::time_point::max();
    send(session, std::move(batch));
  }
  return Clock::now() + kFullTime;
}

void Output::send(Session& session, std::vector<Taken> batch) {
  std::vector<std::uint64_t> published;
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(session.max_payload(), 0));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Taken& one = batch[i];
    if (one.size > most) {
      // The server would end the connection for it.
      fail(one.id, [&](const Pending&) {
        return CallFailure{CLEAT_TOO_LARGE,
                           "the message has " + std::to_string(one.size) +
                               " bytes with its headers, the server takes " + std::to_string(most) +
                               " (max_payload)",
                           0, 0};
      });
      continue;
    }
    const natsStatus status = session.publish(one.message.get());
    if (status == NATS_OK) {
      if (one.kind == Kind::publish) published.push_back(one.id);
      continue;
    }
    const Failure failure = failure_of(status, "the message cannot be sent");
    if (status == NATS_IO_ERROR || status == NATS_TIMEOUT || status == NATS_CONNECTION_CLOSED) {
      // Those behind it have not been tried.
      for (std::size_t rest = i + 1; rest < batch.size(); ++rest)
        fail(batch[rest].id, [](const Pending&) {
          return not_sent(CLEAT_UNAVAILABLE, "the connection was lost before the message was sent");
        });
      throw Error(CLEAT_UNAVAILABLE, failure.text, CLEAT_RETRYABLE, status);
    }
    fail(one.id, [&](const Pending&) { return CallFailure{failure.status, failure.text, 0, status}; });
  }
  if (!published.empty()) confirm(session, published);
}

/// What the server has not refused when it answers our PING, it has taken.
void Output::confirm(Session& session, const std::vector<std::uint64_t>& published) {
  std::uint64_t complaints = 0;
  {
    const std::lock_guard lock(mutex_);
    complaints = complaints_;
  }
  natsStatus status = session.flush(kFlushMs);
  while (status == NATS_TIMEOUT) {
    {
      const std::lock_guard lock(mutex_);
      const bool is_wanted =
          !is_stopping_ && std::any_of(published.begin(), published.end(),
                                       [this](std::uint64_t id) { return calls_.count(id) != 0; });
      if (!is_wanted) return;
    }
    status = session.flush(kFlushMs);
  }
  if (status != NATS_OK) {
    const Failure failure = failure_of(status, "NATS cannot be reached");
    throw Error(CLEAT_UNAVAILABLE, failure.text, CLEAT_RETRYABLE, status);
  }
  std::unique_lock lock(mutex_);
  // A refusal comes before the answer to the PING, but by another thread of the library.
  if (session.has_refused())
    changed_.wait_for(lock, kComplaintTime, [&] { return complaints_ != complaints; });
  for (const std::uint64_t id : published) {
    auto node = take(id);
    if (!node.empty()) node.mapped().call.complete();
  }
}

/// On a thread of the library.
void Output::answered(Message answer) {
  const std::string_view subject = subject_of(answer);
  if (subject.size() <= inbox_.size() + 1 || subject.substr(0, inbox_.size()) != inbox_) return;
  const std::string_view number = subject.substr(inbox_.size() + 1);
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (error != std::errc() || end != number.data() + number.size()) return;
  Calls::node_type node;
  {
    const std::lock_guard lock(mutex_);
    node = take(id);
  }
  // A call that is out of time is answered by now.
  if (!node.empty()) complete_with(node.mapped().call, node.mapped().outgoing, std::move(answer));
}

void Output::complained(const std::string& words) {
  const std::string denied(denied_subject(words));
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, pending] : calls_) {
      if (pending.is_sent && !denied.empty() && pending.outgoing.subject == denied) ids.push_back(id);
    }
  }
  for (const std::uint64_t id : ids)
    fail(id, [&](const Pending&) {
      return CallFailure{CLEAT_DENIED, "the NATS server refused the message: " + words, 0, 0};
    });
  {
    const std::lock_guard lock(mutex_);
    ++complaints_;
  }
  changed_.notify_all();
  if (denied.empty() && is_denied(words))
    health_.set(Health::output, CLEAT_HEALTH_DEGRADED,
                "answers cannot be read, so that calls that want one fail: " + words);
}

void Output::lost(const Failure& failure) {
  answers_.reset();
  {
    const std::lock_guard lock(mutex_);
    down_ = failure;
    queue_.clear();
  }
  fail_all([&](const Pending& pending) {
    return pending.is_sent
               ? unknown_outcome(CLEAT_UNAVAILABLE, "the connection was lost before the answer came",
                                 pending.outgoing)
               : not_sent(failure.status, failure.text);
  });
}

Clock::time_point Output::idle() {
  return Clock::time_point::max();
}

void Output::closing(Session& /*session*/, Clock::time_point /*end*/) {
  answers_.reset();
}

/// Answers the calls that are out of time. Gives the time of the next one, 0 if there is none.
std::uint64_t Output::expire() {
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
void Output::arm(std::uint64_t at_ns) {
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

void Output::stop(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    const auto end = deadline.time() - kLastTime;
    while (!calls_.empty() && Clock::now() < end) {
      lock.unlock();
      const std::uint64_t next = expire();
      lock.lock();
      const auto due = next == 0 ? end : std::min<Clock::time_point>(end, Deadline{next}.time());
      changed_.wait_until(lock, due, [this] { return calls_.empty(); });
    }
  }
  fail_all([](const Pending& pending) {
    return pending.is_sent ? unknown_outcome(CLEAT_CANCELLED, "the component stopped before the answer came",
                                             pending.outgoing)
                           : not_sent(CLEAT_CANCELLED, "the component stopped before the message was sent");
  });
  line_.stop(deadline);
}

}  // namespace cleat::nats
