#include <algorithm>
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
      if (reading_ || !out_.empty() || !backlog_.empty()) begin_timers();
    });
  }
  if (claim_timer_ == 0) claim_at(Clock::now() + config_.min_idle / 2);
}

/// Sets the idle time of what is out, and of what waits to be out, to nothing.
void StreamInput::renew() {
  withdraw_lost();
  const std::string none = "0";
  const auto claim_these = [&](const std::vector<std::string_view>& entries,
                               std::vector<std::uint64_t> events) {
    std::vector<std::string_view> words{"XCLAIM", config_.stream, config_.group, config_.consumer, "0"};
    words.insert(words.end(), entries.begin(), entries.end());
    words.emplace_back("JUSTID");
    command(std::move(words), [this, events = std::move(events), at = Clock::now()](const Reply& reply) {
      renewed(events, at, reply);
    });
  };
  std::vector<std::string_view> entries;
  std::vector<std::uint64_t> events;
  const auto flush = [&] {
    if (!entries.empty()) claim_these(entries, events);
    entries.clear();
    events.clear();
  };
  for (const auto& [event, out] : out_) {
    if (out.is_lost) continue;
    entries.emplace_back(out.id);
    events.push_back(event);
    if (entries.size() == kMostInOneCommand) flush();
  }
  for (Entry& entry : backlog_) {
    entries.emplace_back(entry.id);
    entry.read_at = Clock::now();
    if (entries.size() == kMostInOneCommand) flush();
  }
  flush();
}

void StreamInput::renewed(const std::vector<std::uint64_t>& ids, Clock::time_point sent_at,
                          const Reply& reply) {
  if (reply.is_error()) {
    complain("the lease of entries cannot be renewed", reply.text());
    return;
  }
  for (const std::uint64_t id : ids) {
    const auto found = out_.find(id);
    if (found != out_.end()) found->second.lease_until = sent_at + config_.min_idle;
  }
}

/// What could not be renewed in time may be with another consumer by now.
void StreamInput::withdraw_lost() {
  const Clock::time_point now = Clock::now();
  std::vector<std::uint64_t> lost;
  for (auto& [event, out] : out_) {
    if (out.is_lost || out.lease_until > now) continue;
    out.is_lost = true;
    lost.push_back(event);
  }
  if (lost.empty()) return;
  host_.log(CLEAT_LOG_WARN,
            "the lease of entries ran out before it could be renewed; other consumers may get them as well",
            {{"stream", config_.stream}, {"entries", std::to_string(lost.size())}});
  host_.withdraw(CLEAT_BY_EVENT, lost.data(), static_cast<std::uint32_t>(lost.size()));
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
  const std::size_t most = std::min(room(), kMostInOneCommand);
  if (most == 0) {
    claim_at(Clock::now() + 500ms);
    return;
  }
  claim_is_out_ = true;
  const std::string idle = std::to_string(config_.min_idle.count()), count = std::to_string(most);
  command(
      {"XAUTOCLAIM", config_.stream, config_.group, config_.consumer, idle, claim_cursor_, "COUNT", count},
      [this](const Reply& reply) { claimed(reply); }, [this](const Trouble&) { claim_is_out_ = false; });
}

/// [next cursor, [[id, fields], ...], [ids that are not in the stream any more]]
void StreamInput::claimed(const Reply& reply) {
  claim_is_out_ = false;
  if (reply.is_error()) {
    complain("idle entries cannot be claimed", reply.text());
    return;
  }
  claim_cursor_ = reply.at(0).text();
  const Reply gone = reply.at(2);
  for (std::size_t i = 0; i < gone.size(); ++i)
    lost_entry(std::string(gone.at(i).text()));
  take_entries(reply.at(1), true);
  const bool is_whole = claim_cursor_ == "0-0" || claim_cursor_.empty();
  if (claim_cursor_.empty()) claim_cursor_ = "0-0";
  if (!is_whole) claim();
}

}  // namespace cleat::redis
