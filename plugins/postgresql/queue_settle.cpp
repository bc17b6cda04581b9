#include <algorithm>
#include <utility>

#include "queue_input.hpp"
#include "queue_values.hpp"

namespace cleat::postgresql {

void QueueInput::settle(const std::vector<cleat_settlement>& items) {
  std::vector<std::pair<std::string, std::string>> done, abandoned;
  for (const cleat_settlement& one : items) {
    const auto found = out_.find(one.event_id);
    if (found == out_.end()) continue;
    const Out out = std::move(found->second);
    out_.erase(found);
    if (one.verdict == CLEAT_ACK) {
      done.emplace_back(out.id, out.token);
    } else if (out.is_lost || (one.flags & CLEAT_MAY_STILL_RUN) != 0) {
      // Its lease decides when it comes again.
    } else if (one.verdict == CLEAT_ABANDON) {
      abandoned.emplace_back(out.id, out.token);
    } else if (one.verdict == CLEAT_REJECT) {
      finish_one(sql_.reject, out, std::nullopt);
    } else {
      finish_one(sql_.requeue, out, one.requeue_after_ms);
      wake_at(std::chrono::milliseconds(one.requeue_after_ms + 1));
    }
  }
  if (!done.empty()) finish_ids(sql_.done, done);
  if (!abandoned.empty()) finish_ids(sql_.abandon, abandoned);
  wants_claim_ = true;
  deliver_backlog();
  pump();
}

void QueueInput::finish_ids(const std::string& sql,
                            const std::vector<std::pair<std::string, std::string>>& rows) {
  std::vector<std::string> ids, tokens;
  for (const auto& [id, token] : rows) {
    ids.push_back(id);
    tokens.push_back(token);
  }
  add({{sql, {array_text(ids), array_text(tokens)}}, nullptr, [](const Finished&) {}, true});
}

void QueueInput::finish_one(const std::string& sql, const Out& out, std::optional<std::int64_t> delay_ms) {
  Step step{{sql, {out.id, out.token}}, nullptr, [](const Finished&) {}, true};
  if (delay_ms) step.statement.parameters.emplace_back(std::to_string(*delay_ms));
  add(std::move(step));
}

void QueueInput::when_settled(std::function<void()> done) {
  settled_ = std::move(done);
  check_settled();
}

void QueueInput::check_settled() {
  if (!settled_ || (is_claiming_ && link_)) return;
  // What was claimed and not delivered is free at once.
  std::vector<std::pair<std::string, std::string>> backlog;
  for (const Entry& entry : std::exchange(backlog_, {}))
    backlog.emplace_back(entry.id, entry.token);
  if (!backlog.empty() && link_) finish_ids(sql_.abandon, backlog);
  if (settling_ == 0 || !link_) std::exchange(settled_, nullptr)();
}

/// Moves the leases of what is out, and of what waits to be out.
void QueueInput::renew() {
  withdraw_lost();
  std::vector<std::string> ids, tokens;
  for (const auto& [event, out] : out_) {
    if (out.is_lost) continue;
    ids.push_back(out.id);
    tokens.push_back(out.token);
  }
  for (const Entry& entry : backlog_) {
    ids.push_back(entry.id);
    tokens.push_back(entry.token);
  }
  if (!ids.empty() && link_) {
    const auto until = Clock::now() + config_.queue.lease;
    auto kept = std::make_shared<std::vector<std::string>>();
    add({{sql_.renew, {array_text(ids), array_text(tokens), std::to_string(config_.queue.lease.count())}},
         [kept](const Row& row) { kept->emplace_back(row.text(0)); },
         [this, kept, until](const Finished& finished) {
           if (finished.is_lost || !finished.error.empty()) return;
           std::sort(kept->begin(), kept->end());
           const auto is_kept = [&](const std::string& id, const std::string& token) {
             return std::binary_search(kept->begin(), kept->end(), token + " " + id);
           };
           for (auto& [event, out] : out_) {
             if (is_kept(out.id, out.token)) out.lease_until = until;
           }
           for (Entry& entry : backlog_) {
             if (is_kept(entry.id, entry.token)) entry.lease_until = until;
           }
         }});
  }
  renew_timer_ = loop_.after(config_.queue.lease / 3, [this] { renew(); });
}

/// What could not be renewed in time may be with another host by now.
void QueueInput::withdraw_lost() {
  const Clock::time_point now = Clock::now();
  std::vector<std::uint64_t> lost;
  for (auto& [event, out] : out_) {
    if (out.is_lost || out.lease_until > now) continue;
    out.is_lost = true;
    lost.push_back(event);
  }
  backlog_.erase(std::remove_if(backlog_.begin(), backlog_.end(),
                                [&](const Entry& entry) { return entry.lease_until <= now; }),
                 backlog_.end());
  if (lost.empty()) return;
  host_.log(CLEAT_LOG_WARN,
            "the lease of rows ran out before it could be renewed; other hosts may get them as well",
            {{"table", config_.queue.table}, {"rows", std::to_string(lost.size())}});
  host_.withdraw(CLEAT_BY_EVENT, lost.data(), static_cast<std::uint32_t>(lost.size()));
}

}  // namespace cleat::postgresql
