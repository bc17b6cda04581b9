#include "output.hpp"

#include <string>
#include <utility>

#include "commands.hpp"

namespace cleat::redis {
namespace {

// More are refused: the server is slower than its callers.
constexpr std::uint64_t kMostCalls = 8192;
constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20U;

}  // namespace

void Output::take_room(std::size_t bytes) {
  const std::uint64_t calls = calls_.fetch_add(1), before = bytes_.fetch_add(bytes);
  // One command of any size always fits.
  if (calls < kMostCalls && (before == 0 || before + bytes <= kMostBytes)) return;
  give_room_back(bytes);
  throw Error(CLEAT_THROTTLED,
              "Redis is slower than its callers: " + std::to_string(calls) + " calls with " +
                  std::to_string(before) + " bytes wait for it already",
              CLEAT_RETRYABLE);
}

void Output::give_room_back(std::size_t bytes) {
  calls_.fetch_sub(1);
  bytes_.fetch_sub(bytes);
}

void Output::invoke(const Request& request, Call&& call) {
  Encoded encoded = encode_operation(request);
  take_room(encoded.wire.size());
  auto pending = std::make_shared<Pending>(Pending{std::move(call)});
  pending->repeatable = encoded.repeatable;
  pending->answers_with_data = request.operation() == "get" || request.operation() == "increment";
  const std::uint64_t deadline_ns = request.deadline().at_ns;
  pending->deadline_ns = deadline_ns != 0 ? deadline_ns : INT64_MAX;
  pending->command = std::make_shared<Command>();
  pending->command->wire = std::move(encoded.wire);
  pending->command->key = std::move(encoded.key);
  loop_.post([this, pending] { begin(pending); });
}

void Output::begin(const PendingPtr& pending) {
  by_deadline_.emplace(pending->deadline_ns, pending);
  if (ended_ || !carrier_) {
    fail(pending, {CLEAT_CANCELLED, "the component stops"});
    return;
  }
  keep_deadlines();
  carrier_->send(pending->command,
                 {[this, pending](const Reply& reply, const Endpoint&) { finish(pending, reply); },
                  [this, pending](const Trouble& trouble) { fail(pending, trouble); }});
}

void Output::finish(const PendingPtr& pending, const Reply& reply) {
  if (pending->is_over) return;
  if (reply.is_error()) {
    const Meaning meaning = meaning_of(reply.text());
    pending->call.fail(meaning.status, "redis: " + std::string(reply.text()), meaning.flags);
  } else if (!pending->answers_with_data) {
    pending->call.complete();
  } else if (reply.kind() == Reply::Kind::integer) {
    pending->call.complete({Buffer::of(std::to_string(reply.integer()))});
  } else {
    // A key that is not there is an answer without data, as with Dapr.
    pending->call.complete({Buffer::of(std::string(reply.text()))});
  }
  forget(pending);
}

void Output::fail(const PendingPtr& pending, const Trouble& trouble) {
  if (pending->is_over) return;
  const bool is_unknown = pending->command->was_sent && !pending->repeatable;
  const std::string text =
      is_unknown ? trouble.why + "; the command had been sent, so it may have been carried out" : trouble.why;
  pending->call.fail(trouble.status, text, is_unknown ? 0 : CLEAT_RETRYABLE);
  forget(pending);
}

void Output::forget(const PendingPtr& pending) {
  pending->is_over = true;
  // Nobody needs it to be carried out any more if it has not begun.
  pending->command->is_unwanted = true;
  give_room_back(pending->command->wire.size());
  const auto [first, last] = by_deadline_.equal_range(pending->deadline_ns);
  for (auto each = first; each != last; ++each) {
    if (each->second != pending) continue;
    by_deadline_.erase(each);
    break;
  }
}

/// One timer, for the earliest deadline.
void Output::keep_deadlines() {
  if (by_deadline_.empty()) return;
  const std::uint64_t next = by_deadline_.begin()->first;
  if (timer_ != 0 && timer_ns_ <= next) return;
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ns_ = next;
  timer_ = loop_.at(Deadline{next}.time(), [this] {
    timer_ = 0;
    while (!by_deadline_.empty() && by_deadline_.begin()->first <= host_.now_ns()) {
      const PendingPtr late = by_deadline_.begin()->second;
      fail(late, {CLEAT_TIMEOUT, "Redis did not answer within the time of the call"});
    }
    keep_deadlines();
  });
}

void Output::end() {
  ended_ = true;
  while (!by_deadline_.empty()) {
    const PendingPtr first = by_deadline_.begin()->second;
    fail(first, {CLEAT_CANCELLED, "the component stopped before Redis had answered"});
  }
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  carrier_.reset();
}

}  // namespace cleat::redis
