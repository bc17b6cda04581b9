#include <algorithm>
#include <string>
#include <utility>

#include "commands.hpp"
#include "stream_input.hpp"

namespace cleat::redis {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostInOneCommand = 1000;

}  // namespace

void StreamInput::settle(const std::vector<cleat_settlement>& items) {
  std::vector<std::string> done;
  for (const cleat_settlement& one : items) {
    const auto found = out_.find(one.event_id);
    if (found == out_.end()) continue;
    const Out out = std::move(found->second);
    out_.erase(found);
    known_.erase(out.id);
    if (one.verdict == CLEAT_ACK) {
      // Also what another consumer may have by now: it is done.
      done.push_back(out.id);
    } else if (out.is_lost || (one.flags & CLEAT_MAY_STILL_RUN) != 0) {
      // Its idle time decides when it comes again.
    } else if (one.verdict == CLEAT_ABANDON) {
      give_back(out.id, milliseconds(0));
    } else {
      give_back(out.id, milliseconds(one.requeue_after_ms));
    }
  }
  if (!done.empty()) acknowledge(std::move(done));
  deliver_backlog();
  pump();
}

void StreamInput::acknowledge(std::vector<std::string> ids) {
  std::move(ids.begin(), ids.end(), std::back_inserter(acks_));
  send_acks();
}

/// What is not confirmed is sent again on the next connection. No more than a window of them can come together:
/// without a connection nothing new is read.
void StreamInput::send_acks() {
  if (acks_.empty() || ack_is_out_ || !commands_) return;
  const auto count = static_cast<std::ptrdiff_t>(std::min(acks_.size(), kMostInOneCommand));
  std::vector<std::string_view> words{"XACK", config_.stream, config_.group};
  words.insert(words.end(), acks_.begin(), acks_.begin() + count);
  ack_is_out_ = true;
  command(
      std::move(words),
      [this, count](const Reply& reply) {
        ack_is_out_ = false;
        if (reply.is_error()) complain("entries cannot be acknowledged", reply.text());
        // An error of the server is no reason to ask the same again: the entries come again to be judged anew.
        acks_.erase(acks_.begin(), acks_.begin() + count);
        send_acks();
      },
      [this](const Trouble&) { ack_is_out_ = false; }, true);
}

/// The idle time is set so that it is too long when `after` has passed.
void StreamInput::give_back(const std::string& id, milliseconds after) {
  const std::string idle = std::to_string(std::max(config_.min_idle - after, milliseconds(0)).count());
  command(
      {"XCLAIM", config_.stream, config_.group, config_.consumer, "0", id, "IDLE", idle, "JUSTID"},
      [this](const Reply& reply) {
        if (reply.is_error()) complain("an entry cannot be given back", reply.text());
      },
      {}, true);
  if (reading_) claim_at(Clock::now() + std::min(after, config_.min_idle) + milliseconds(20));
}

void StreamInput::when_settled(std::function<void()> done) {
  if (settling_ == 0) {
    done();
  } else {
    settled_ = std::move(done);
  }
}

}  // namespace cleat::redis
