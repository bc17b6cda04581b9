#include <algorithm>
#include <iterator>
#include <memory>
#include <unordered_set>
#include <utility>

#include "queue_input.hpp"
#include "queue_values.hpp"
#include "values.hpp"

namespace cleat::postgresql {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20U;
constexpr auto kDueEach = 1s;       // a look at what is due later sees all that waits
constexpr auto kDueNowEach = 5s;    // what is due and was not claimed mostly may not be
constexpr auto kAnswerWithin = 2s;  // beyond the time that the server has for a statement

/// The same statement may go well later; perhaps it did.
bool is_passing(const Finished& finished) {
  if (finished.is_lost) return true;
  if (finished.state.empty()) return false;
  const SqlMeaning meaning = meaning_of_state(finished.state);
  return meaning.status == CLEAT_UNAVAILABLE || (meaning.flags & CLEAT_RETRYABLE) != 0;
}

std::string key_of(const Lease& lease) {
  return lease.token + " " + lease.id;
}

}  // namespace

void QueueInput::next() {
  if (is_running_ || closed_ || !link_ || !link_->is_idle()) return;
  if (wants_listen_) {
    listen();
  } else if (!lost_claims_.empty()) {
    release();
  } else if (wants_renewal_) {
    renew();
  } else if (has_settled_last_ && may_claim()) {
    claim();
  } else if (!is_settling_put_off_ && settler_.size() > 0) {
    settle_next();
  } else if (may_claim()) {
    claim();
  } else if (wants_due_) {
    look_for_due();
  }
}

bool QueueInput::may_claim() const {
  return reading_ && wants_claim_ && backlog_.empty() && out_.size() < window_.max_events;
}

/// The server ends what takes too long; when it says nothing at all, the connection is given up.
void QueueInput::run(Statement statement, PgLink::OnRow row, PgLink::Done done) {
  const auto limit = std::clamp<std::chrono::milliseconds>(config_.queue.lease / 3, 1s, 20s);
  is_running_ = true;
  has_settled_last_ = false;
  guard_timer_ = loop_.after(limit + kAnswerWithin, [this] {
    guard_timer_ = 0;
    link_->give_up("it does not answer");
  });
  link_->run(std::move(statement), limit, std::move(row),
             [this, done = std::move(done)](const Finished& finished) {
               if (guard_timer_ != 0) loop_.cancel(std::exchange(guard_timer_, 0));
               is_running_ = false;
               done(finished);
               if (closed_) return;
               if (!finished.state.empty()) {
                 complain(finished);
               } else if (!finished.is_lost) {
                 tell(told_state_, told_why_);
               }
               next();
               check_settled();
             });
}

void QueueInput::complain(const Finished& finished) {
  const std::string what =
      "the queue table cannot be used: " + finished.error + " (SQLSTATE " + finished.state + ")";
  if (what != told_why_) host_.log(CLEAT_LOG_WARN, what, {{"table", config_.queue.name}});
  tell(CLEAT_HEALTH_DEGRADED, what);
}

void QueueInput::listen() {
  wants_listen_ = false;
  Statement statement;
  statement.sql = sql_.listen;
  run(std::move(statement), nullptr, [this](const Finished& finished) { wants_listen_ = finished.is_lost; });
}

/// A connection broke while rows were claimed: if they are leased, nobody knows of them.
void QueueInput::release() {
  Statement statement;
  statement.sql = sql_.release;
  statement.parameters = {lost_claims_.back()};
  run(std::move(statement), nullptr, [this](const Finished& finished) {
    if (finished.is_lost) return;
    lost_claims_.pop_back();
  });
}

void QueueInput::claim() {
  is_claiming_ = true;
  wants_claim_ = false;
  poll_at_ = Clock::now() + config_.queue.poll;
  const std::size_t count = std::min<std::size_t>(window_.max_events - out_.size(), rows_at_once_);
  const std::uint64_t bytes = window_.max_bytes == 0 ? kMostBytes : std::min(window_.max_bytes, kMostBytes);
  const std::string token = token_base_ + std::to_string(++last_token_);
  Statement statement;
  statement.wants_binary = true;
  const bool goes_on = !last_lane_.empty();
  statement.sql = goes_on ? sql_.claim_after : sql_.claim;
  statement.parameters = {std::to_string(count), token, std::to_string(config_.queue.lease.count()),
                          std::to_string(bytes)};
  if (goes_on) statement.parameters.emplace_back(last_lane_);
  // The rows come before the server has committed that they are ours.
  const auto entries = std::make_shared<std::vector<Entry>>();
  const Clock::time_point until = Clock::now() + config_.queue.lease;
  run(
      std::move(statement),
      [token, entries, until](const Row& row) {
        Entry entry;
        entry.lease = {std::string(row.text(0)), token};
        if (!row.is_null(1)) entry.payload = payload_bytes(row.type(1), row.text(1));
        entry.attempts = static_cast<std::uint32_t>(std::max<std::int64_t>(0, to_number(row.text(2))));
        if (!row.is_null(3)) entry.lane = row.text(3);
        if (!row.is_null(4)) entry.metadata = row.text(4);
        entry.until = until;
        entries->push_back(std::move(entry));
      },
      [this, token, entries, count, goes_on](const Finished& finished) {
        is_claiming_ = false;
        learn_rows_at_once(finished, count, *entries);
        if (finished.was_sent && is_passing(finished)) lost_claims_.push_back(token);
        if (finished.is_lost || !finished.state.empty()) return;
        tell(CLEAT_HEALTH_UP, "");
        // There may be more where these came from, or before the lane that was gone on from; otherwise time, or a
        // notification, will tell.
        wants_claim_ = wants_claim_ || !entries->empty() || goes_on;
        const bool may_be_more =
            entries->size() == count && !entries->back().lane.empty() && !sql_.claim_after.empty();
        last_lane_ = may_be_more ? entries->back().lane : "";
        wants_due_ = !wants_claim_ && Clock::now() >= due_asked_at_ + kDueEach;
        std::move(entries->begin(), entries->end(), std::back_inserter(backlog_));
        if (!reading_ || window_.max_events == 0) give_back_backlog();
        deliver_backlog();
      });
}

/// The server counts bytes as they are stored, which may be far fewer than come out; and a claim that takes too long comes
/// to nothing, so the next one is smaller.
void QueueInput::learn_rows_at_once(const Finished& finished, std::size_t asked,
                                    const std::vector<Entry>& entries) {
  if (finished.is_lost || !finished.state.empty()) {
    rows_at_once_ = std::max<std::size_t>(1, asked / 4);
    return;
  }
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries)
    bytes += entry.payload.size();
  rows_at_once_ = bytes > kMostBytes ? std::max<std::size_t>(1, entries.size() * kMostBytes / bytes)
                                     : std::min(rows_at_once_ * 2, kMostRows);
}

void QueueInput::settle_next() {
  auto batch = std::make_shared<QueueSettler::Batch>(settler_.take(settled_at_once_));
  settling_ = batch->leases.size();
  run(QueueSettler::statement(sql_, *batch), nullptr, [this, batch](const Finished& finished) {
    const std::size_t rows = std::exchange(settling_, 0);
    has_settled_last_ = true;
    if (is_passing(finished)) {
      is_settling_put_off_ = !finished.is_lost;
      // What takes the server too long comes to nothing, as a claim does.
      if (!finished.is_lost) settled_at_once_ = std::max<std::size_t>(1, rows / 4);
      if (is_settling_put_off_) claim_by(Clock::now() + 200ms);
      settler_.put_back(std::move(*batch));
      return;
    }
    if (!finished.state.empty()) return refused(std::move(*batch), finished);
    settled_at_once_ = std::min(settled_at_once_ * 2, QueueSettler::kMostAtOnce);
    if (!batch->is_repeated) {
      const auto settled = static_cast<std::size_t>(to_number(finished.affected));
      if (settled < rows) {
        host_.log(CLEAT_LOG_WARN,
                  "rows were settled after another host had taken them, or somebody had removed them",
                  {{"table", config_.queue.name}, {"rows", std::to_string(rows - settled)}});
      }
    }
  });
}

/// A row that the table does not let go must not take the others along.
void QueueInput::refused(QueueSettler::Batch batch, const Finished& finished) {
  if (batch.leases.size() > 1) {
    settled_at_once_ = std::max<std::size_t>(1, batch.leases.size() / 4);
    return settler_.put_back(std::move(batch));
  }
  // What is wrong with the table is said once, of all rows.
  if (finished.state.rfind("42", 0) == 0) return;
  host_.log(CLEAT_LOG_WARN, "a row cannot be settled, so it comes again: " + finished.error,
            {{"table", config_.queue.name}, {"id", batch.leases.front().id}, {"state", finished.state}});
}

/// Moves the leases of what is out, of what waits to be out, and of what waits to be settled.
void QueueInput::renew() {
  wants_renewal_ = false;
  std::vector<Lease> leases;
  for (const auto& [event, out] : out_) {
    if (!out.is_lost) leases.push_back(out.lease);
  }
  for (const Entry& entry : backlog_)
    leases.push_back(entry.lease);
  settler_.append_leases(leases);
  if (leases.empty()) {
    next();
    return;
  }
  Statement statement;
  statement.sql = sql_.renew;
  statement.parameters = lease_parameters(leases);
  statement.parameters.emplace_back(std::to_string(config_.queue.lease.count()));
  const Clock::time_point until = Clock::now() + config_.queue.lease;
  const auto asked = std::make_shared<std::unordered_set<std::string>>();
  for (const Lease& lease : leases)
    asked->insert(key_of(lease));
  const auto kept = std::make_shared<std::unordered_set<std::string>>();
  run(
      std::move(statement), [kept](const Row& row) { kept->emplace(row.text(0)); },
      [this, asked, kept, until](const Finished& finished) {
        if (finished.is_lost || !finished.state.empty()) return;
        const auto move_on = [&](const Lease& lease, Clock::time_point& end) {
          if (kept->count(key_of(lease)) != 0) end = until;
        };
        for (auto& [event, out] : out_)
          move_on(out.lease, out.until);
        for (Entry& entry : backlog_)
          move_on(entry.lease, entry.until);
        withdraw_if([&](const Lease& lease, Clock::time_point) {
          const std::string key = key_of(lease);
          return asked->count(key) != 0 && kept->count(key) == 0;
        });
      });
}

/// A row that was put off, or whose lease runs out, comes back when nobody tells. One that may come now has become due since the claim
/// before, or is behind another one of its lane: that is tried now and then.
void QueueInput::look_for_due() {
  wants_due_ = false;
  due_asked_at_ = Clock::now();
  Statement statement;
  statement.sql = sql_.next_due;
  run(
      std::move(statement),
      [this](const Row& row) {
        if (!row.is_null(1) && row.text(1) == "t" && Clock::now() >= due_claimed_at_ + kDueNowEach) {
          due_claimed_at_ = Clock::now();
          claim_by(due_claimed_at_);
        }
        if (row.is_null(0)) return;
        const auto wait = std::clamp<std::int64_t>(to_number(row.text(0)), 0, 3'600'000);
        claim_by(Clock::now() + std::chrono::milliseconds(wait + 1));
      },
      [](const Finished&) {});
}

}  // namespace cleat::postgresql
