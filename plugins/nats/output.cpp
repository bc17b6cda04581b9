#include "output.hpp"

#include <algorithm>
#include <charconv>

namespace cleat::nats {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kNsPerMs = 1'000'000;
/// So long before its deadline a call is answered with the cause, but never more than a quarter of its time.
constexpr std::uint64_t kMarginNs = 200 * kNsPerMs;
/// For the end of the connection, of the time to stop in.
constexpr std::uint64_t kLastTimeNs = 500 * kNsPerMs;
constexpr std::size_t kMostBuffered = std::size_t{8} << 20U;
/// So long the line waits for a socket that takes nothing.
constexpr milliseconds kFullTime{5};
constexpr std::int64_t kFlushMs = 1'000;
/// For a refusal that may be on its way, and for one that is.
constexpr milliseconds kComplaintTime{20};
constexpr milliseconds kSureComplaintTime{10'000};
constexpr int kMostComplaintTimes = 50;
constexpr std::size_t kMostDenied = 1'000;

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
      calls_(host, config.max_pending),
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
  calls_.add(request.id(), std::move(call), {std::move(outgoing), std::move(message), answer_by, size});
  line_.wake();
}

void Output::cancel(std::uint64_t call_id) {
  std::optional<Pending> pending = calls_.take_unsent(call_id);
  if (pending) pending->call.fail(CLEAT_CANCELLED, "cancelled before it was sent", CLEAT_RETRYABLE);
}

void Output::opened(Session& session) {
  {
    const std::lock_guard lock(mutex_);
    complaints_ = 0;
    denied_.clear();
  }
  answers_ = std::make_unique<Subscription>(session, inbox_ + ".*", "",
                                            [this](Message answer) { answered(std::move(answer)); });
  calls_.set_up();
  health_.set(Health::output, CLEAT_HEALTH_UP, "connected");
}

Clock::time_point Output::work(Session& session) {
  while (session.buffered() < kMostBuffered) {
    std::vector<Calls::Taken> batch = calls_.take_queue();
    if (batch.empty()) return Clock::time_point::max();
    send(session, std::move(batch));
  }
  return Clock::now() + kFullTime;
}

void Output::send(Session& session, std::vector<Calls::Taken> batch) {
  Published published;
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(session.max_payload(), 0));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Calls::Taken& one = batch[i];
    if (one.size > most) {
      // The server would end the connection for it.
      calls_.fail(one.id, [&](const Pending&) {
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
      if (one.kind == Kind::publish) {
        published.ids.push_back(one.id);
        published.subjects.emplace_back(subject_of(one.message));
      }
      continue;
    }
    const Failure failure = failure_of(status, "the message cannot be sent");
    if (status == NATS_IO_ERROR || status == NATS_TIMEOUT || status == NATS_CONNECTION_CLOSED) {
      // Those behind it have not been tried.
      for (std::size_t rest = i + 1; rest < batch.size(); ++rest)
        calls_.fail(batch[rest].id, [](const Pending&) {
          return not_sent(CLEAT_UNAVAILABLE, "the connection was lost before the message was sent");
        });
      throw Error(CLEAT_UNAVAILABLE, failure.text, CLEAT_RETRYABLE, status);
    }
    calls_.fail(one.id, [&](const Pending&) { return CallFailure{failure.status, failure.text, 0, status}; });
  }
  if (!published.ids.empty()) confirm(session, published);
}

/// What the server has not refused when it answers our PING, it has taken.
void Output::confirm(Session& session, const Published& published) {
  std::unique_lock lock(mutex_);
  const std::uint64_t complaints = complaints_;
  lock.unlock();
  natsStatus status = session.flush(kFlushMs);
  while (status == NATS_TIMEOUT && !calls_.is_stopping() && calls_.has_any(published.ids))
    status = session.flush(kFlushMs);
  if (status == NATS_TIMEOUT) return;  // they are out of time, or stop() completes them
  if (status != NATS_OK) {
    const Failure failure = failure_of(status, "NATS cannot be reached");
    throw Error(CLEAT_UNAVAILABLE, failure.text, CLEAT_RETRYABLE, status);
  }
  if (session.has_refused()) wait_for_refusals(published, complaints);
  for (const std::uint64_t id : published.ids) {
    if (std::optional<Pending> pending = calls_.take(id)) pending->call.complete();
  }
}

/// A refusal comes before the answer to the PING, but by another thread of the library, and nobody says whether one is on its way: the
/// connection remembers that there was one. The first of it is, and one of a subject that was refused before.
void Output::wait_for_refusals(const Published& published, std::uint64_t complaints_before) {
  std::unique_lock lock(mutex_);
  complained_.wait_for(lock, kSureComplaintTime, [this] { return complaints_ != 0; });
  std::vector<std::uint64_t> refused;
  for (std::size_t i = 0; i < published.ids.size(); ++i) {
    if (denied_.count(published.subjects[i]) != 0) refused.push_back(published.ids[i]);
  }
  if (!refused.empty()) {
    // Their own time may end before.
    const Clock::time_point end = Clock::now() + kSureComplaintTime;
    while (calls_.has_any(refused) && Clock::now() < end)
      complained_.wait_for(lock, kComplaintTime);
    return;
  }
  // Another one's thread may be as late as this one is.
  const auto is_told = [&] { return complaints_ != complaints_before; };
  for (int times = 0; times < kMostComplaintTimes; ++times) {
    const Clock::time_point end = Clock::now() + kComplaintTime;
    if (complained_.wait_until(lock, end, is_told) || Clock::now() < end + kComplaintTime) return;
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
  // A call that is out of time is answered by now.
  std::optional<Pending> pending = calls_.take(id);
  if (pending) complete_with(pending->call, pending->outgoing, std::move(answer));
}

void Output::complained(const std::string& words) {
  const std::string_view denied = denied_subject(words);
  if (!denied.empty()) {
    calls_.fail_if(
        [&](const Pending& pending) { return pending.is_sent && pending.outgoing.subject == denied; },
        [&](const Pending&) {
          return CallFailure{CLEAT_DENIED, "the NATS server refused the message: " + words, 0, 0};
        });
  } else if (is_denied(words)) {
    health_.set(Health::output, CLEAT_HEALTH_DEGRADED,
                "answers cannot be read, so that calls that want one fail: " + words);
  }
  {
    const std::lock_guard lock(mutex_);
    ++complaints_;
    if (!denied.empty() && denied_.size() < kMostDenied) denied_.emplace(denied);
  }
  complained_.notify_all();
}

void Output::lost(const Failure& failure) {
  answers_.reset();
  calls_.set_down(failure);
}

Clock::time_point Output::idle() {
  return Clock::time_point::max();
}

void Output::closing(Session& /*session*/, Clock::time_point /*end*/) {
  answers_.reset();
}

void Output::stop(Deadline deadline) {
  calls_.stop({deadline.at_ns - std::min(deadline.at_ns, kLastTimeNs)});
  line_.stop(deadline);
}

}  // namespace cleat::nats
