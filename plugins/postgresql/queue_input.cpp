#include "queue_input.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "common/deliver_one.hpp"
#include "queue_values.hpp"

namespace cleat::postgresql {
namespace {

using namespace std::chrono_literals;

// While it reads, a sign of life at least this often: less than the heartbeat in the manifest.
constexpr auto kSign = 10s;

}  // namespace

QueueInput::QueueInput(Host host, common::EventLoop& loop, common::Resolver& resolver, const PgConfig& config,
                       Health health)
    : host_(host),
      loop_(loop),
      resolver_(resolver),
      config_(config),
      sql_(config.queue),
      health_(std::move(health)) {
  std::random_device random;
  for (int i = 0; i < 4; ++i)
    token_base_ += std::to_string(random()) + "-";
}

void QueueInput::open() {
  poll_at_ = Clock::now() + config_.queue.poll;
  connect();
  tick();
  plan_renewal();
  withdraw_expired();
}

void QueueInput::connect() {
  if (closed_) return;
  has_tried_again_ = true;
  link_ = PgLink::connect(loop_, resolver_, config_.login, failed_, config_.connect_within,
                          {[this] { up(); }, [this](const std::string& why) { down(why); },
                           [this] {
                             wants_claim_ = true;
                             next();
                           }});
}

void QueueInput::up() {
  failed_ = 0;
  back_off_.reset();
  // What was decided comes before what is new: the leases of these rows may be about to end.
  has_settled_last_ = false;
  tell(CLEAT_HEALTH_UP, "");
  wants_listen_ = !sql_.listen.empty();
  wants_claim_ = true;
  next();
}

/// Leases outlive a connection, so what is out stays out; what was to be settled is settled on the next one.
void QueueInput::down(const std::string& why) {
  if (closed_) return;
  link_.reset();
  ++failed_;
  tell(CLEAT_HEALTH_DOWN, "PostgreSQL cannot be reached: " + why);
  retry_timer_ = loop_.after(back_off_.next(), [this] {
    retry_timer_ = 0;
    connect();
  });
  check_settled();
}

/// Says it when it changes, and now and then as a sign of life.
void QueueInput::tell(std::int32_t state, const std::string& why) {
  const Clock::time_point now = Clock::now();
  if (state == told_state_ && why == told_why_ && now < told_at_ + kSign / 4) return;
  told_state_ = state;
  told_why_ = why;
  told_at_ = now;
  health_(state, why);
}

void QueueInput::begin(const Window& window) {
  window_ = window;
  reading_ = true;
  wants_claim_ = true;
  next();
}

void QueueInput::set_window(const Window& window) {
  window_ = window;
  if (window_.max_events == 0) give_back_backlog();
  deliver_backlog();
  next();
}

void QueueInput::end() {
  reading_ = false;
  give_back_backlog();
  next();
}

void QueueInput::give_back_backlog() {
  for (Entry& entry : std::exchange(backlog_, {}))
    settler_.add(QueueSettler::kAbandon, std::move(entry.lease));
}

void QueueInput::settle(const std::vector<cleat_settlement>& items) {
  for (const cleat_settlement& one : items) {
    const auto found = out_.find(one.event_id);
    if (found == out_.end()) continue;
    Out out = std::move(found->second);
    out_.erase(found);
    if (one.verdict == CLEAT_ACK) {
      settler_.add(QueueSettler::kDone, std::move(out.lease));
    } else if (out.is_lost || (one.verdict == CLEAT_ABANDON && (one.flags & CLEAT_MAY_STILL_RUN) != 0)) {
      // Its lease decides when it comes again.
    } else if (one.verdict == CLEAT_ABANDON) {
      settler_.add(QueueSettler::kAbandon, std::move(out.lease));
    } else if (one.verdict == CLEAT_REJECT) {
      settler_.add(QueueSettler::kReject, std::move(out.lease));
    } else {
      settler_.add(QueueSettler::kRequeue, std::move(out.lease), one.requeue_after_ms);
    }
    // What waited behind this row, and this row itself if it was given back.
    wants_claim_ = true;
    if (one.verdict != CLEAT_ACK && one.requeue_after_ms > 0)
      claim_by(Clock::now() + std::chrono::milliseconds(one.requeue_after_ms + 1));
  }
  deliver_backlog();
  next();
}

void QueueInput::deliver_backlog() {
  while (reading_ && !backlog_.empty()) {
    // One whose lease has run out may be with another host.
    if (backlog_.front().until > Clock::now() && !deliver(backlog_.front())) return;
    backlog_.pop_front();
  }
}

/// False: the host takes no more for now.
bool QueueInput::deliver(const Entry& entry) {
  Pairs pairs{
      {"id", entry.lease.id}, {"table", config_.queue.name}, {"attempts", std::to_string(entry.attempts)}};
  if (!entry.lane.empty()) pairs.emplace_back("lane", entry.lane);
  for (auto& pair : metadata_pairs(entry.metadata))
    pairs.push_back(std::move(pair));
  std::vector<cleat_kv> items;
  std::string_view trace;
  for (const auto& [key, value] : pairs) {
    items.push_back({str(key), str(value)});
    if (key == "traceparent") trace = value;
  }
  const std::string source_id = config_.queue.name + "@" + entry.lease.id;
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = last_event_ + 1;
  event.delivery_count = entry.attempts;
  event.data = Buffer::of(entry.payload).take();
  event.source_id = str(source_id);
  event.key = str(entry.lane);
  event.metadata = {items.data(), items.size()};
  event.traceparent = str(trace);
  const cleat_status status = common::deliver_one(host_, event);
  if (status == CLEAT_OK) {
    out_[++last_event_] = {entry.lease, entry.until, false};
    return true;
  }
  if (status != CLEAT_INVALID) return false;
  // The log of the host says what is wrong with it; it would be the same the next time.
  ++last_event_;
  settler_.add(QueueSettler::kReject, entry.lease);
  return true;
}

/// The table is looked at then, or earlier.
void QueueInput::claim_by(Clock::time_point when) {
  poll_at_ = std::min(poll_at_, when);
  plan_tick();
}

void QueueInput::plan_tick() {
  const Clock::time_point when = std::min(poll_at_, Clock::now() + kSign);
  if (tick_timer_ != 0 && tick_at_ <= when) return;
  if (tick_timer_ != 0) loop_.cancel(tick_timer_);
  tick_at_ = when;
  tick_timer_ = loop_.at(when, [this] {
    tick_timer_ = 0;
    tick();
  });
}

void QueueInput::tick() {
  is_settling_put_off_ = false;
  if (Clock::now() >= poll_at_) {
    wants_claim_ = true;
    poll_at_ = Clock::now() + config_.queue.poll;
  }
  if (link_ && link_->is_up()) {
    // The server is asked something also while the window is full, to know that it is there.
    wants_due_ = wants_due_ || !may_claim();
    next();
  } else if (told_state_ != CLEAT_HEALTH_UNKNOWN) {
    tell(told_state_, told_why_);
  }
  plan_tick();
}

void QueueInput::plan_renewal() {
  renew_timer_ = loop_.after(config_.queue.lease / 3, [this] {
    wants_renewal_ = true;
    next();
    plan_renewal();
  });
}

/// What could not be renewed in time may be with another host by now.
void QueueInput::withdraw_expired() {
  const Clock::time_point now = Clock::now();
  withdraw_if([now](const Lease&, Clock::time_point until) { return until <= now; });
  expiry_timer_ =
      loop_.after(std::max<Clock::duration>(config_.queue.lease / 12, 50ms), [this] { withdraw_expired(); });
}

void QueueInput::withdraw_if(const std::function<bool(const Lease&, Clock::time_point)>& is_gone) {
  std::vector<std::uint64_t> lost;
  for (auto& [event, out] : out_) {
    if (out.is_lost || !is_gone(out.lease, out.until)) continue;
    out.is_lost = true;
    lost.push_back(event);
  }
  backlog_.erase(std::remove_if(backlog_.begin(), backlog_.end(),
                                [&](const Entry& entry) { return is_gone(entry.lease, entry.until); }),
                 backlog_.end());
  if (lost.empty()) return;
  host_.log(CLEAT_LOG_WARN,
            "the lease of rows ended before it could be renewed; other hosts may get them as well",
            {{"table", config_.queue.name}, {"rows", std::to_string(lost.size())}});
  host_.withdraw(CLEAT_BY_EVENT, lost.data(), static_cast<std::uint32_t>(lost.size()));
}

void QueueInput::when_settled(std::function<void(std::size_t)> done) {
  settled_ = std::move(done);
  has_tried_again_ = false;
  if (retry_timer_ != 0) {
    loop_.cancel(std::exchange(retry_timer_, 0));
    connect();
  }
  next();
  check_settled();
}

void QueueInput::check_settled() {
  if (!settled_) return;
  const std::size_t left = settler_.size() + settling_;
  // A connection may break just when a stop begins: only one that cannot be made since then is the end of hope.
  const bool may_settle = link_ || !has_tried_again_;
  if (may_settle && (left > 0 || is_claiming_)) return;
  std::exchange(settled_, nullptr)(left);
}

void QueueInput::close() {
  closed_ = true;
  for (const auto timer : {retry_timer_, tick_timer_, renew_timer_, expiry_timer_, guard_timer_}) {
    if (timer != 0) loop_.cancel(timer);
  }
  if (link_) link_->close();
}

}  // namespace cleat::postgresql
