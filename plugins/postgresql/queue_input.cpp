#include "queue_input.hpp"

#include <algorithm>
#include <utility>

#include "common/json_array.hpp"
#include "queue_values.hpp"
#include "values.hpp"

namespace cleat::postgresql {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff = 100ms, kLongestBackOff = 3000ms, kStatementLimit = 30'000ms;
constexpr std::size_t kMostAtOnce = 512;

}  // namespace

QueueInput::QueueInput(Host host, common::EventLoop& loop, const PgConfig& config, Health health)
    : host_(host), loop_(loop), config_(config), sql_(config.queue), health_(std::move(health)) {
  std::random_device random;
  for (int i = 0; i < 4; ++i)
    token_base_ += std::to_string(random()) + "-";
}

void QueueInput::open() {
  connect();
  renew_timer_ = loop_.after(config_.queue.lease / 3, [this] { renew(); });
}

void QueueInput::connect() {
  if (closed_) return;
  link_ = PgLink::connect(loop_, config_.parameters, config_.connect_within,
                          {[this] { up(); }, [this](const std::string& why) { down(why); },
                           [this] {
                             wants_claim_ = true;
                             pump();
                           }});
}

void QueueInput::up() {
  back_off_ = 0ms;
  health_(CLEAT_HEALTH_UP, "");
  wants_claim_ = true;
  if (!sql_.listen.empty()) {
    steps_.push_front({{sql_.listen, {}}, nullptr, [](const Finished&) {}});
  }
  next();
  pump();
}

/// Leases outlive a connection, so what is out stays out; what was to be settled is settled on the next one.
void QueueInput::down(const std::string& why) {
  if (closed_) return;
  link_.reset();
  is_claiming_ = false;
  health_(CLEAT_HEALTH_DOWN, "PostgreSQL cannot be reached: " + why);
  back_off_ = std::clamp(back_off_ * 2, kFirstBackOff, kLongestBackOff);
  const auto jitter = milliseconds(random_() % static_cast<std::uint64_t>(back_off_.count() / 2 + 1));
  retry_timer_ = loop_.after(back_off_ / 2 + jitter, [this] {
    retry_timer_ = 0;
    connect();
  });
}

void QueueInput::add(Step step) {
  if (step.settles) ++settling_;
  steps_.push_back(std::move(step));
  next();
}

/// One statement after the other. What settles is kept over a lost connection: it is fenced by its token, so a second
/// time does no harm.
void QueueInput::next() {
  if (!link_ || !link_->is_idle() || steps_.empty()) return;
  const auto step = std::make_shared<Step>(std::move(steps_.front()));
  steps_.pop_front();
  link_->run(step->statement, kStatementLimit, step->row, [this, step](const Finished& finished) {
    if (finished.is_lost && step->settles && !closed_) {
      steps_.push_front(std::move(*step));
      return;
    }
    if (!finished.error.empty()) {
      const std::string what =
          "the queue table cannot be used: " + finished.error + " (SQLSTATE " + finished.state + ")";
      host_.log(CLEAT_LOG_WARN, what, {{"table", config_.queue.table}});
      health_(CLEAT_HEALTH_DEGRADED, what);
    }
    step->done(finished);
    if (step->settles) --settling_;
    next();
    check_settled();
  });
}

void QueueInput::begin(const Window& window) {
  window_ = window;
  reading_ = true;
  wants_claim_ = true;
  deliver_backlog();
  pump();
}

void QueueInput::set_window(const Window& window) {
  window_ = window;
  deliver_backlog();
  pump();
}

void QueueInput::pump() {
  if (reading_ && wants_claim_ && !is_claiming_ && link_ && backlog_.empty() &&
      out_.size() < window_.max_events)
    claim();
}

void QueueInput::claim() {
  is_claiming_ = true;
  wants_claim_ = false;
  has_work_ = false;
  const std::size_t count = std::min<std::size_t>(window_.max_events - out_.size(), kMostAtOnce);
  const std::string token = token_base_ + std::to_string(++last_token_);
  add({{sql_.claim, {std::to_string(count), token, std::to_string(config_.queue.lease.count())}},
       [this, token](const Row& row) { claimed(row, token); },
       [this](const Finished& finished) {
         is_claiming_ = false;
         if (finished.is_lost) return;
         if (finished.error.empty()) health_(CLEAT_HEALTH_UP, "");
         // There may be more where these came from; otherwise time, or a notification, will tell.
         wants_claim_ = has_work_ && finished.error.empty();
         deliver_backlog();
         if (wants_claim_) {
           pump();
         } else {
           look_for_due();
         }
       }});
}

void QueueInput::claimed(const Row& row, const std::string& token) {
  Entry entry;
  entry.id = row.text(0);
  entry.token = token;
  if (!row.is_null(1)) entry.payload = payload_bytes(row.type(1), row.text(1));
  entry.attempts = static_cast<std::uint32_t>(std::max(0, to_int(row.text(2))));
  if (!row.is_null(3)) entry.lane = row.text(3);
  if (!row.is_null(4)) entry.metadata = row.text(4);
  entry.lease_until = Clock::now() + config_.queue.lease;
  has_work_ = true;
  backlog_.push_back(std::move(entry));
}

/// A row that was put off, or whose lease runs out, comes back when nobody tells.
void QueueInput::look_for_due() {
  add({{sql_.next_due, {}},
       [this](const Row& row) {
         if (!row.is_null(0)) wake_at(milliseconds(std::clamp(to_int(row.text(0)), 1, 60'000)));
       },
       [](const Finished&) {}});
  wake_at(config_.queue.poll);
}

/// Looks again at the table then, or earlier.
void QueueInput::wake_at(milliseconds after) {
  const auto when = Clock::now() + std::min(after, config_.queue.poll);
  if (poll_timer_ != 0) loop_.cancel(poll_timer_);
  poll_timer_ = loop_.at(when, [this] {
    poll_timer_ = 0;
    wants_claim_ = true;
    pump();
    // A sign of life also while the window is full.
    if (poll_timer_ == 0 && !is_claiming_) {
      if (link_) health_(CLEAT_HEALTH_UP, "");
      wake_at(config_.queue.poll);
    }
  });
}

void QueueInput::deliver_backlog() {
  while (reading_ && !backlog_.empty() && deliver(backlog_.front()))
    backlog_.pop_front();
}

/// False: the host takes no more for now.
bool QueueInput::deliver(const Entry& entry) {
  const Pairs own{
      {"id", entry.id}, {"table", config_.queue.table}, {"attempts", std::to_string(entry.attempts)}};
  const Pairs more = metadata_pairs(entry.metadata);
  std::vector<cleat_kv> items;
  std::string_view trace;
  for (const Pairs* list : {&own, &more}) {
    for (const auto& [key, value] : *list) {
      items.push_back({str(key), str(value)});
      if (key == "traceparent") trace = value;
    }
  }
  if (!entry.lane.empty()) items.push_back({str("lane"), str(entry.lane)});
  const std::string source_id = config_.queue.table + "@" + entry.id;
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = last_event_ + 1;
  event.delivery_count = entry.attempts;
  event.data = Buffer::of(entry.payload).take();
  event.source_id = str(source_id);
  event.key = str(entry.lane);
  event.metadata = {items.data(), items.size()};
  event.traceparent = str(trace);
  cleat_event* const events[] = {&event};
  std::uint32_t accepted = 0;
  const cleat_status status = host_.deliver(events, 1, accepted);
  if (accepted == 1) {
    out_[++last_event_] = {entry.id, entry.token, entry.lease_until, false};
    return true;
  }
  const Buffer mine(event.data);
  if (status != CLEAT_INVALID) return false;
  // The log of the host says what is wrong with it; it would be the same the next time.
  ++last_event_;
  finish_one(sql_.reject, {entry.id, entry.token, {}, false}, std::nullopt);
  return true;
}

void QueueInput::close() {
  closed_ = true;
  for (const auto timer : {retry_timer_, poll_timer_, renew_timer_}) {
    if (timer != 0) loop_.cancel(timer);
  }
  if (link_) link_->close();
}

}  // namespace cleat::postgresql
