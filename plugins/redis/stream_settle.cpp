#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "commands.hpp"
#include "stream_input.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kMostInOneCommand = 1000;
constexpr auto kAckAgainAfter = 500ms;

}  // namespace

void StreamInput::settle(const std::vector<cleat_settlement>& items) {
  Ids done, abandoned;
  const Clock::time_point now = Clock::now();
  for (const cleat_settlement& one : items) {
    const auto found = out_.find(one.event_id);
    if (found == out_.end()) continue;
    const Out out = std::move(found->second);
    out_.erase(found);
    if (one.verdict == CLEAT_ACK) {
      // Also what another consumer may have by now: it is done.
      done.push_back(out.id);
      continue;
    }
    known_.erase(out.id);
    if (out.is_lost || out.lease_until <= now || (one.flags & CLEAT_MAY_STILL_RUN) != 0) {
      // Its idle time decides when it comes again. What another consumer may have is not taken away from it.
    } else if (one.verdict == CLEAT_ABANDON) {
      abandoned.push_back(out.id);
    } else {
      give_back({out.id}, milliseconds(one.requeue_after_ms));
    }
  }
  give_back(std::move(abandoned), 0ms);
  acknowledge(std::move(done));
  deliver_backlog();
  pump();
}

/// An entry is known until its acknowledgement is confirmed, so that it is not worked on again meanwhile.
void StreamInput::acknowledge(Ids ids) {
  known_.insert(ids.begin(), ids.end());
  std::move(ids.begin(), ids.end(), std::back_inserter(acks_));
  send_acks();
}

/// What is not confirmed is sent again on the next connection. No more than a window of them can come together:
/// without a connection nothing new is read.
void StreamInput::send_acks() {
  if (acks_.empty() || ack_is_out_ || ack_timer_ != 0) return;
  const std::size_t count = std::min(acks_.size(), kMostInOneCommand);
  std::vector<std::string_view> words{"XACK", config_.stream, config_.group};
  words.insert(words.end(), acks_.begin(), acks_.begin() + static_cast<std::ptrdiff_t>(count));
  ack_is_out_ = true;
  command(
      words, [this, count](const Reply& reply) { acks_answered(reply, count); },
      [this] { ack_is_out_ = false; });
}

void StreamInput::acks_answered(const Reply& reply, std::size_t count) {
  ack_is_out_ = false;
  if (reply.is_error()) complain("entries cannot be acknowledged", reply.text());
  if (reply.is_error() && (meaning_of(reply.text()).flags & CLEAT_RETRYABLE) != 0) {
    ack_timer_ = loop_.after(kAckAgainAfter, [this] {
      ack_timer_ = 0;
      send_acks();
    });
    return;
  }
  // Any other error would be the same the next time: the entries come again to be judged anew.
  const auto end = acks_.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto each = acks_.begin(); each != end; ++each)
    known_.erase(*each);
  acks_.erase(acks_.begin(), end);
  send_acks();
}

/// The idle time is set so that it is too long when `after` has passed; that is at most all of it.
void StreamInput::give_back(Ids ids, milliseconds after) {
  if (ids.empty()) return;
  const std::string idle = std::to_string(std::max(config_.min_idle - after, 0ms).count());
  std::vector<std::string_view> words{"XCLAIM", config_.stream, config_.group, config_.consumer, "0"};
  words.insert(words.end(), ids.begin(), ids.end());
  words.insert(words.end(), {"IDLE", idle, "JUSTID"});
  giving_back_.insert(ids.begin(), ids.end());
  const auto forget = [this, ids] {
    for (const std::string& id : ids)
      giving_back_.erase(id);
  };
  const auto answered = [this, ids, forget](const Reply& reply) {
    // Without a group nobody has them until there is one that begins before them.
    if (reply.error_word() != "NOGROUP") forget();
    given_back(ids, reply);
  };
  command(words, answered, forget, true);
  if (reading_) claim_at(Clock::now() + std::min(after, config_.min_idle) + 20ms);
}

/// What is not pending any more cannot come again: if it is not in the stream either, it was trimmed while we had it.
void StreamInput::given_back(const Ids& ids, const Reply& reply) {
  if (reply.is_error()) return complain("entries cannot be given back", reply.text());
  std::set<std::string_view> there;
  for (std::size_t i = 0; i < reply.size(); ++i)
    there.insert(reply.at(i).text());
  for (const std::string& id : ids) {
    if (there.count(id) != 0) continue;
    const auto looked = [this, id](const Reply& found) {
      if (!found.is_error() && found.size() == 0) count_lost({id});
    };
    command({"XRANGE", config_.stream, id, id}, looked, {}, true);
  }
}

/// They were trimmed or deleted before they were settled: nobody can have them any more.
void StreamInput::count_lost(const Ids& ids) {
  if (ids.empty()) return;
  lost_ += ids.size();
  host_.log(
      CLEAT_LOG_ERROR,
      "entries were trimmed or deleted before they were settled, they are lost; keep the stream longer than "
      "its slowest consumer",
      {{"stream", config_.stream},
       {"entries", std::to_string(ids.size())},
       {"first", ids.front()},
       {"lost", std::to_string(lost_)}});
}

void StreamInput::when_settled(std::function<void()> done) {
  settled_ = std::move(done);
  look_if_settled();
}

void StreamInput::give_up() {
  if (settled_) std::exchange(settled_, nullptr)();
}

void StreamInput::look_if_settled() {
  if (settled_ && settling_ == 0 && acks_.empty()) std::exchange(settled_, nullptr)();
}

void StreamInput::close() {
  if (acks_.empty()) return;
  host_.log(CLEAT_LOG_WARN,
            "Redis did not confirm all acknowledgements before the stop: those entries come again",
            {{"stream", config_.stream}, {"entries", std::to_string(acks_.size())}});
}

}  // namespace cleat::redis
