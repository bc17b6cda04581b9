#include "cron_binding.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

namespace cleat::cron {
namespace {

constexpr std::chrono::seconds kLongestSleep{30};
/// A withdrawn tick that comes back within this had not started, or had just ended.
constexpr std::uint64_t kAtOnceNs = 1'000'000'000;
constexpr const char* kStillAtWork = "a tick was due while the application still worked on an earlier one";

std::string utc_text(Instant when, const char* separator) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(when - day));
  std::array<char, 64> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02u%s%02d:%02d:%02d", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator,
                    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                    static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

/// As Go prints a time in UTC: "2006-01-02 15:04:05.999999999 +0000 UTC", without the zeros at the fraction's
/// end.
std::string go_time(Instant when) {
  const auto fraction = when - std::chrono::floor<std::chrono::seconds>(when);
  std::string text = utc_text(when, " ");
  if (fraction.count() != 0) {
    std::string digits = std::to_string(1'000'000'000 + std::chrono::nanoseconds(fraction).count());
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits.substr(1);
  }
  return text + " +0000 UTC";
}

}  // namespace

void CronBinding::init(const Config& config) {
  text_ = config.text("schedule");
  if (text_.empty()) throw Error(CLEAT_INVALID, "schedule not set");
  try {
    schedule_ = Schedule::parse(text_, Zone::local());
  } catch (const std::invalid_argument& error) {
    throw Error(CLEAT_INVALID, "invalid schedule format '" + text_ + "': " + error.what());
  }
  const std::string overlap = config.text("overlap");
  overlaps_ = overlap.empty() ? config.fact("strict-dapr") == "true" : overlap == "allow";
  makes_up_ = config.text("missed") == "fire-once";
  if (!schedule_->next(wall_())) {
    throw Error(CLEAT_INVALID, "invalid schedule format '" + text_ +
                                   "': no such date exists, so it would never fire; " +
                                   "check the day of the month against the month");
  }
}

void CronBinding::start(Deadline /*deadline*/) {
  const std::lock_guard lock(mutex_);
  next_ = schedule_->next(wall_()).value_or(Instant::max());
}

void CronBinding::begin_input(const Window& /*window*/) {
  const std::lock_guard lock(mutex_);
  reading_ = true;
  last_look_ = wall_();
  if (makes_up_ && !waiting_ && next_ <= last_look_) waiting_ = next_;
  // A schedule that ends while the host runs (none does within nine years) sleeps for ever.
  next_ = schedule_->next(last_look_).value_or(Instant::max());
  host_.set_health(CLEAT_HEALTH_UP, "next tick at " + utc_text(next_, "T") + "Z");
  if (may_deliver()) deliver_tick();
  arm();
}

/// With the lock held. Sees to it that wake() runs when the next tick is due, or earlier.
void CronBinding::arm() {
  const auto ahead =
      std::clamp<std::chrono::nanoseconds>(next_ - wall_(), std::chrono::nanoseconds(0), kLongestSleep);
  const std::uint64_t at_ns = host_.now_ns() + static_cast<std::uint64_t>(ahead.count());
  if (armed_ns_ != 0 && armed_ns_ <= at_ns) return;
  const cleat_status status = host_.post(
      [this](bool cancelled) {
        if (!cancelled) wake();
      },
      at_ns);
  if (status == CLEAT_OK) {
    armed_ns_ = at_ns;
  } else if (status == CLEAT_AGAIN) {
    host_.set_health(CLEAT_HEALTH_DOWN,
                     "the host took no timer, so no tick will come until this input is begun again");
  }
}

void CronBinding::wake() {
  const std::lock_guard lock(mutex_);
  armed_ns_ = 0;
  if (!reading_) return;
  const Instant now = wall_();
  // A clock that was set back would otherwise leave the schedule silent until it has caught up.
  if (now < last_look_ - std::chrono::seconds(1)) next_ = schedule_->next(now).value_or(Instant::max());
  last_look_ = now;
  if (now >= next_) {
    tick_due(now);
  } else if (may_deliver()) {
    deliver_tick();
  }
  arm();
}

/// With the lock held.
void CronBinding::tick_due(Instant now) {
  const bool replaces = waiting_.has_value();
  waiting_ = next_;
  due_at_ns_ = host_.now_ns();
  // After a jump forward the moments in between are gone, as for robfig/cron: one tick, then the next from
  // now on.
  next_ = schedule_->next(now).value_or(Instant::max());
  if (replaces) count_missed(kStillAtWork);
  withdraw_unsettled();
  if (may_deliver()) deliver_tick();
}

/// With the lock held. Ends the retrying of each tick that is out, once.
void CronBinding::withdraw_unsettled() {
  std::vector<std::uint64_t> ids;
  for (auto& [id, tick] : unsettled_) {
    if (!std::exchange(tick.is_withdrawn, true)) ids.push_back(id);
  }
  if (!ids.empty()) host_.withdraw(CLEAT_BY_EVENT, ids.data(), static_cast<std::uint32_t>(ids.size()));
}

/// With the lock held.
bool CronBinding::may_deliver() const {
  return reading_ && waiting_ && (overlaps_ || unsettled_.empty());
}

/// With the lock held. The tick that waits came too late to be sent in time.
void CronBinding::make_up(const std::string& reason) {
  if (makes_up_) return;
  waiting_.reset();
  count_missed(reason);
}

/// With the lock held, if may_deliver().
void CronBinding::deliver_tick() {
  const std::string zone = schedule_->zone().name(), read_at = go_time(wall_());
  const std::string source_id = utc_text(*waiting_, "T") + "Z";
  const std::array<cleat_kv, 2> metadata{{{str("timeZone"), str(zone)}, {str("readTimeUTC"), str(read_at)}}};
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = ++last_id_;
  event.source_id = str(source_id);
  event.metadata = {metadata.data(), metadata.size()};
  cleat_event* events[] = {&event};
  std::uint32_t accepted = 0;
  host_.deliver(events, 1, accepted);
  if (accepted == 1) {
    unsettled_[event.id] = {*waiting_, false};
    waiting_.reset();
  } else {
    make_up("the tick of " + source_id + " came while the host takes no events");
  }
}

void CronBinding::set_window(const Window& window) {
  const std::lock_guard lock(mutex_);
  if (window.max_events > 0 && may_deliver()) deliver_tick();
}

void CronBinding::settle(Settlements settlements) {
  const std::lock_guard lock(mutex_);
  bool was_at_work = host_.now_ns() > due_at_ns_ + kAtOnceNs, is_answered = false;
  for (const cleat_settlement* one : settlements) {
    const auto found = unsettled_.find(one->event_id);
    if (found == unsettled_.end()) continue;
    const Instant due = found->second.due;
    unsettled_.erase(found);
    if (one->verdict == CLEAT_ACK) {
      was_at_work = is_answered = true;
    } else if (reading_) {
      count_missed("the application did not answer the tick of " + utc_text(due, "T") +
                   "Z before the next was due");
    } else if (makes_up_ && !waiting_) {
      waiting_ = due;  // for when the input begins again
    }
  }
  // What was missed while the application worked belongs to the row that its answer ends.
  if (may_deliver() && was_at_work) make_up(kStillAtWork);
  if (is_answered) count_answered();
  if (may_deliver()) deliver_tick();
}

void CronBinding::end_input(Deadline /*deadline*/) {
  const std::lock_guard lock(mutex_);
  reading_ = false;
  if (!makes_up_) waiting_.reset();
}

/// With the lock held.
void CronBinding::count_missed(const std::string& reason) {
  if (++missed_in_a_row_ != 1) return;
  const std::string why = reason + "; missed ticks are counted, and told once one is answered again";
  host_.log(CLEAT_LOG_WARN, why, {{"schedule", text_}});
  host_.set_health(CLEAT_HEALTH_DEGRADED, why);
}

/// With the lock held.
void CronBinding::count_answered() {
  if (missed_in_a_row_ == 0) return;
  host_.log(CLEAT_LOG_INFO, "the application answers ticks again",
            {{"schedule", text_}, {"missed", std::to_string(missed_in_a_row_)}});
  host_.set_health(CLEAT_HEALTH_UP, "ticks are answered again");
  missed_in_a_row_ = 0;
}

}  // namespace cleat::cron
