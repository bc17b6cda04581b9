#include "pool.hpp"

#include <algorithm>
#include <utility>

#include "common/deadlines.hpp"

namespace cleat::postgresql {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

Error unavailable(const std::string& why) {
  return {CLEAT_UNAVAILABLE, "PostgreSQL cannot be reached: " + why, CLEAT_RETRYABLE};
}

}  // namespace

void Pool::open() {
  grow();
  drop_idle();
}

/// One attempt at a time: a server that is down is not asked by all of the pool.
void Pool::grow() {
  if (closed_ || connecting_ > 0 || slots_.size() >= config_.max_connections) return;
  ++connecting_;
  const auto made = std::make_shared<std::weak_ptr<PgLink>>();
  auto link =
      PgLink::connect(loop_, resolver_, config_.login, failed_, config_.connect_within,
                      {[this] {
                         --connecting_;
                         failed_ = 0;
                         back_off_.reset();
                         why_down_.clear();
                         health_(nullptr);
                         if (!slots_.empty()) slots_.back().idle_since = common::EventLoop::Clock::now();
                         pump();
                       },
                       [this, made](const std::string& why) { went_down(made->lock().get(), why); }, [] {}});
  *made = link;
  slots_.push_back({link});
}

void Pool::went_down(const PgLink* link, const std::string& why) {
  if (closed_) return;
  const auto place =
      std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.link.get() == link; });
  const bool was_connecting = connecting_ > 0 && place != slots_.end() && place == slots_.end() - 1;
  if (place != slots_.end()) slots_.erase(place);
  if (was_connecting) {
    --connecting_;
    ++failed_;
  }
  // When the last connection is lost, the next attempt tells whether the server is gone too: until then calls wait.
  if (slots_.empty() && was_connecting) {
    why_down_ = why;
    health_(&why);
    std::deque<JobPtr> waiting;
    waiting.swap(waiting_);
    const Error error = unavailable(why);
    for (const JobPtr& job : waiting)
      finish(job, {}, &error);
  }
  if (retry_timer_ != 0) return;
  retry_timer_ = loop_.after(back_off_.next(), [this] {
    retry_timer_ = 0;
    if (slots_.empty() || !waiting_.empty()) grow();
  });
}

void Pool::run(const JobPtr& job) {
  const auto is_up = [](const Slot& slot) { return slot.link->is_up(); };
  if (closed_ || (!why_down_.empty() && std::none_of(slots_.begin(), slots_.end(), is_up))) {
    const Error error = closed_ ? Error(CLEAT_CANCELLED, "the component stops") : unavailable(why_down_);
    finish(job, {}, &error);
    return;
  }
  job->timer = loop_.at(Deadline{job->deadline_ns}.time(), [this, job] {
    job->timer = 0;
    abandon(job, {CLEAT_TIMEOUT,
                  job->link ? "PostgreSQL did not answer within the time of the call; the statement may have "
                              "been carried out"
                            : "no connection to PostgreSQL was free within the time of the call",
                  job->link ? 0 : CLEAT_RETRYABLE});
  });
  waiting_.push_back(job);
  pump();
}

void Pool::pump() {
  while (!waiting_.empty()) {
    // The one that was used last: the others grow old and are let go of.
    const auto free =
        std::find_if(slots_.rbegin(), slots_.rend(), [](const Slot& slot) { return slot.link->is_idle(); });
    if (free == slots_.rend()) {
      if (retry_timer_ == 0) grow();
      return;
    }
    const JobPtr job = waiting_.front();
    waiting_.pop_front();
    start(job, free->link);
  }
}

void Pool::start(const JobPtr& job, const std::shared_ptr<PgLink>& link) {
  job->link = link;
  const std::uint64_t now = common::ns_of(common::EventLoop::Clock::now());
  const auto left = std::chrono::nanoseconds(job->deadline_ns > now ? job->deadline_ns - now : 0);
  link->run(std::move(job->statement), std::chrono::floor<milliseconds>(left), job->row,
            [this, job](const Finished& finished) {
              put_back(std::exchange(job->link, nullptr), finished);
              finish(job, finished, nullptr);
              if (!closed_) pump();
            });
}

/// The next statement finds it as new, or not at all.
void Pool::put_back(const std::shared_ptr<PgLink>& link, const Finished& finished) {
  // Null: the caller has been told, and the connection is on its way out.
  if (!link) return;
  if (finished.is_lost || finished.is_left_open || finished.is_session_changed) drop(link);
  for (Slot& slot : slots_) {
    if (slot.link == link) slot.idle_since = common::EventLoop::Clock::now();
  }
}

void Pool::drop(const std::shared_ptr<PgLink>& link) {
  const auto place =
      std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.link == link; });
  if (place != slots_.end()) slots_.erase(place);
  loop_.before_sleep([link] { link->close(); });
}

void Pool::abandon(const JobPtr& job, const Error& why) {
  if (job->is_over) return;
  const std::shared_ptr<PgLink> link = std::exchange(job->link, nullptr);
  if (!link) waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), job), waiting_.end());
  finish(job, {}, &why);
  if (!link) return;
  drop(link);
  if (!closed_) pump();
}

void Pool::finish(const JobPtr& job, const Finished& finished, const Error* trouble) {
  if (job->is_over) return;
  job->is_over = true;
  if (job->timer != 0) loop_.cancel(std::exchange(job->timer, 0));
  const auto done = std::exchange(job->done, nullptr);
  job->row = nullptr;
  done(finished, trouble);
}

void Pool::drop_idle() {
  if (config_.max_idle.count() == 0) return;
  idle_timer_ = loop_.after(std::max<std::chrono::nanoseconds>(config_.max_idle / 2, 100ms), [this] {
    const auto limit = common::EventLoop::Clock::now() - config_.max_idle;
    for (auto slot = slots_.begin(); slot != slots_.end();) {
      const bool is_old = slot->link->is_idle() && slot->idle_since < limit && slots_.size() > 1;
      if (is_old) slot->link->close();
      slot = is_old ? slots_.erase(slot) : slot + 1;
    }
    drop_idle();
  });
}

void Pool::close() {
  closed_ = true;
  if (retry_timer_ != 0) loop_.cancel(retry_timer_);
  if (idle_timer_ != 0) loop_.cancel(idle_timer_);
  const Error error(
      CLEAT_CANCELLED,
      "the component stopped before PostgreSQL had answered; the statement may have been carried out");
  std::deque<JobPtr> waiting;
  waiting.swap(waiting_);
  for (const JobPtr& job : waiting)
    finish(job, {}, &error);
  std::vector<Slot> slots;
  slots.swap(slots_);
  for (const Slot& slot : slots)
    slot.link->close();
}

}  // namespace cleat::postgresql
