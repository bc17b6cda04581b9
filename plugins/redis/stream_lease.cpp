#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "commands.hpp"
#include "stream_input.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostInOneCommand = 500;

}  // namespace

void StreamInput::begin_timers() {
  if (renew_timer_ == 0) {
    renew_timer_ = loop_.after(config_.min_idle / 3, [this] {
      renew_timer_ = 0;
      renew();
      if (reading_ || !out_.empty()) begin_timers();
    });
  }
  if (claim_timer_ == 0) claim_at(Clock::now() + config_.min_idle / 2);
}

/// Sets the idle time of what is out, and of what waits to be out, to nothing.
void StreamInput::renew() {
  drop_lost();
  Ids entries;
  std::vector<std::uint64_t> events;
  const auto add = [&](const std::string& id) {
    entries.push_back(id);
    if (entries.size() == kMostInOneCommand)
      renew_these(std::exchange(entries, {}), std::exchange(events, {}));
  };
  for (const auto& [event, out] : out_) {
    if (out.is_lost) continue;
    events.push_back(event);
    add(out.id);
  }
  for (const StreamEntry& entry : backlog_)
    add(entry.id);
  if (!entries.empty()) renew_these(std::move(entries), std::move(events));
}

/// An entry that is not pending any more, because it was trimmed or another one settled it, has no lease to lose: what
/// counts is that the server answered while the lease was ours.
void StreamInput::renew_these(const Ids& entries, std::vector<std::uint64_t> events) {
  std::vector<std::string_view> words{"XCLAIM", config_.stream, config_.group, config_.consumer, "0"};
  words.insert(words.end(), entries.begin(), entries.end());
  words.emplace_back("JUSTID");
  const auto renewed = [this, events = std::move(events),
                        in_backlog = std::set(entries.begin(), entries.end()),
                        until = Clock::now() + config_.min_idle](const Reply& reply) {
    if (reply.is_error()) return complain("the lease of entries cannot be renewed", reply.text());
    for (const std::uint64_t event : events) {
      const auto found = out_.find(event);
      if (found != out_.end()) found->second.lease_until = until;
    }
    for (StreamEntry& entry : backlog_) {
      if (in_backlog.count(entry.id) != 0) entry.lease_until = until;
    }
  };
  command(words, renewed);
}

/// What could not be renewed in time may be with another consumer by now.
void StreamInput::drop_lost() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  const auto is_over = [&](const StreamEntry& entry) {
    if (entry.lease_until > now) {
      next = std::min(next, entry.lease_until);
      return false;
    }
    known_.erase(entry.id);
    return true;
  };
  backlog_.erase(std::remove_if(backlog_.begin(), backlog_.end(), is_over), backlog_.end());
  std::vector<std::uint64_t> lost;
  for (auto& [event, out] : out_) {
    if (out.is_lost) continue;
    if (out.lease_until > now) {
      next = std::min(next, out.lease_until);
      continue;
    }
    out.is_lost = true;
    lost.push_back(event);
  }
  if (next != Clock::time_point::max()) lease_ends_at(next);
  if (lost.empty()) return;
  host_.log(CLEAT_LOG_WARN,
            "the lease of entries ran out before it could be renewed; other consumers may get them as well",
            {{"stream", config_.stream}, {"entries", std::to_string(lost.size())}});
  host_.withdraw(CLEAT_BY_EVENT, lost.data(), static_cast<std::uint32_t>(lost.size()));
}

/// Looked at then, if it has not been renewed: between two renewals too, since from then on another consumer may work on
/// it. The earliest time counts.
void StreamInput::lease_ends_at(Clock::time_point when) {
  if (lease_timer_ != 0 && lease_due_ <= when) return;
  if (lease_timer_ != 0) loop_.cancel(lease_timer_);
  lease_due_ = when;
  lease_timer_ = loop_.at(when, [this] {
    lease_timer_ = 0;
    drop_lost();
  });
}

/// The earliest time counts.
void StreamInput::claim_at(Clock::time_point when) {
  if (claim_timer_ != 0 && claim_due_ <= when) return;
  if (claim_timer_ != 0) loop_.cancel(claim_timer_);
  claim_due_ = when;
  claim_timer_ = loop_.at(when, [this] {
    claim_timer_ = 0;
    claim();
    if (reading_) claim_at(Clock::now() + config_.min_idle / 2);
  });
}

/// Takes over what has been idle for too long: from consumers that are gone, and what was given back.
void StreamInput::claim() {
  if (!reading_ || claim_is_out_ || phase_ != Phase::live) return;
  const std::size_t most = how_many();
  if (most == 0) {
    claim_at(Clock::now() + 500ms);
    return;
  }
  claim_is_out_ = true;
  const std::string idle = std::to_string(config_.min_idle.count()), count = std::to_string(most);
  command(
      {"XAUTOCLAIM", config_.stream, config_.group, config_.consumer, idle, claim_cursor_, "COUNT", count},
      [this, sent_at = Clock::now()](const Reply& reply) { claimed(reply, sent_at); },
      [this] { claim_is_out_ = false; });
}

/// [next cursor, [[id, fields], ...], [ids that are not in the stream any more]]
void StreamInput::claimed(const Reply& reply, Clock::time_point sent_at) {
  claim_is_out_ = false;
  if (reply.is_error()) {
    complain("idle entries cannot be claimed", reply.text());
    return;
  }
  claim_cursor_ = reply.at(0).text();
  const Reply gone = reply.at(2);
  Ids lost;
  for (std::size_t i = 0; i < gone.size(); ++i)
    lost.emplace_back(gone.at(i).text());
  count_lost(lost);
  take_entries(reply.at(1), commands_.get(), sent_at);
  deliver_backlog();
  if (claim_cursor_.empty()) claim_cursor_ = "0-0";
  if (claim_cursor_ != "0-0") claim();
}

}  // namespace cleat::redis
