#include "line.hpp"

#include <algorithm>

namespace cleat::nats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstWait{100}, kLongestWait{5'000};
/// Beyond what the library promises for each server: for names that are looked up and handshakes.
constexpr seconds kMoreTime{8}, kLastWait{1}, kLongestSleep{3}, kStable{5};
constexpr std::size_t kMostAbandoned = 4;
constexpr std::int64_t kPingMs = 1'000, kCheckMs = 3'000;

}  // namespace

Line::Line(const ServerConfig& config, Host host, Health& health, Health::Part part, Duty& duty)
    : config_(config), host_(host), health_(health), part_(part), duty_(duty) {}

Line::~Line() {
  if (thread_.joinable()) stop({host_.now_ns()});
}

void Line::start() {
  thread_ = std::thread([this] { run(); });
}

void Line::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_awake_ = true;
  }
  changed_.notify_all();
}

void Line::run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    is_awake_ = false;
    lock.unlock();
    const Clock::time_point due = std::min(step(), Clock::now() + kLongestSleep);
    lock.lock();
    changed_.wait_until(lock, due, [this] { return is_awake_ || is_stopping_; });
  }
  lock.unlock();
  finish();
}

Clock::time_point Line::step() {
  try {
    return session_ ? use() : connect();
  } catch (const Error& error) {
    fail({error.status, error.what(), static_cast<natsStatus>(error.native_code)});
  } catch (const std::exception& error) {  // no thread, no memory
    fail({CLEAT_UNAVAILABLE, std::string("NATS cannot be reached: ") + error.what(), NATS_OK});
  }
  return Clock::now();
}

Clock::time_point Line::use() {
  bool is_closed = false;
  {
    const std::lock_guard lock(mutex_);
    is_closed = is_closed_;
  }
  if (is_closed)
    throw Error(CLEAT_UNAVAILABLE, "NATS cannot be reached: the connection was lost", CLEAT_RETRYABLE);
  answer_ping();
  if (!duty_.wants_checks()) return duty_.work(*session_);
  check(Clock::now());
  return std::min(duty_.work(*session_), next_check_);
}

void Line::check(Clock::time_point now) {
  if (now < next_check_) return;
  const natsStatus status = session_->flush(kCheckMs);
  next_check_ = Clock::now() + config_.ping_interval;
  missed_checks_ = status == NATS_OK ? 0 : missed_checks_ + 1;
  if (missed_checks_ < 2) return;
  throw Error(CLEAT_UNAVAILABLE, "NATS cannot be reached: the server does not answer", CLEAT_RETRYABLE,
              status);
}

Clock::time_point Line::connect() {
  const Clock::time_point due = duty_.idle();
  if (failures_ > 0) answer_ping();
  const Clock::time_point now = Clock::now();
  if (!attempt_) {
    if (now < next_attempt_) return std::min(due, next_attempt_);
    abandoned_.erase(
        std::remove_if(abandoned_.begin(), abandoned_.end(), [](const auto& one) { return one.expired(); }),
        abandoned_.end());
    if (abandoned_.size() >= kMostAbandoned)
      throw Error(CLEAT_UNAVAILABLE,
                  "NATS cannot be reached: attempts to connect hang in the system, no more are begun");
    attempt_ = std::make_unique<Attempt>(config_, [this] { wake(); });
  }
  if (!attempt_->is_done()) {
    const auto limit = attempt_->begun() +
                       config_.connect_timeout * static_cast<std::int64_t>(config_.urls.size()) + kMoreTime;
    if (now < limit) return std::min(due, limit);
    abandoned_.push_back(attempt_->trace());
    attempt_.reset();
    throw Error(CLEAT_UNAVAILABLE, "NATS cannot be reached: no server has finished the connection in time");
  }
  Failure failure;
  session_ = attempt_->take(failure);
  attempt_.reset();
  if (!session_) {
    fail(failure);
    return Clock::now();
  }
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = false;
    last_complaint_.clear();
  }
  const auto closed = [this] {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    wake();
  };
  missed_checks_ = 0;
  next_check_ = Clock::now() + config_.ping_interval;
  session_->watch(closed, [this](const std::string& words) { complained(words); });
  opened_at_ = Clock::now();
  duty_.opened(*session_);
  return Clock::now();
}

/// On a thread of the library.
void Line::complained(const std::string& words) {
  duty_.complained(words);
  {
    const std::lock_guard lock(mutex_);
    if (words == last_complaint_) return;
    last_complaint_ = words;
  }
  host_.log(CLEAT_LOG_WARN, "the NATS server refused something: " + words);
}

void Line::fail(const Failure& failure) {
  health_.set(part_, CLEAT_HEALTH_DOWN, failure.text);
  duty_.lost(failure);
  // One that is lost soon after it was made is as bad as none.
  if (session_ && Clock::now() > opened_at_ + kStable) failures_ = 0;
  session_.reset();
  const auto most = std::min<milliseconds>(kFirstWait * (1 << std::min(failures_, 10)), kLongestWait);
  ++failures_;
  next_attempt_ = Clock::now() + milliseconds(std::uniform_int_distribution<std::int64_t>(
                                     most.count() / 2, most.count())(random_));
}

void Line::answer_ping() {
  std::uint64_t asked = 0;
  {
    const std::lock_guard lock(mutex_);
    if (pings_asked_ == pings_answered_) return;
    asked = pings_asked_;
  }
  Failure failure;
  if (!session_) {
    failure = {CLEAT_UNAVAILABLE, health_.why(part_), NATS_OK};
  } else if (const natsStatus status = session_->flush(kPingMs); status != NATS_OK) {
    failure = failure_of(status, "the NATS server does not answer");
  }
  const std::lock_guard lock(mutex_);
  pings_answered_ = asked;
  ping_failure_ = failure;
  changed_.notify_all();
}

void Line::ping(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const std::uint64_t number = ++pings_asked_;
  is_awake_ = true;
  changed_.notify_all();
  const bool is_answered =
      changed_.wait_until(lock, deadline.time(), [&] { return pings_answered_ >= number || is_stopping_; });
  if (!is_answered || pings_answered_ < number)
    throw Error(CLEAT_UNAVAILABLE, "no NATS server answered in time", CLEAT_RETRYABLE);
  if (!ping_failure_.text.empty())
    throw Error(ping_failure_.status, ping_failure_.text, CLEAT_RETRYABLE, ping_failure_.native);
}

void Line::stop(Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    stop_by_ = deadline.time();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Line::finish() {
  if (session_) {
    try {
      duty_.closing(*session_, stop_by_);
    } catch (const Error& error) {
      host_.log(CLEAT_LOG_WARN, "the connection did not end well", {{"error", error.what()}});
    }
    session_.reset();
  }
  if (!attempt_) return;
  const Clock::time_point end =
      std::min<Clock::time_point>(stop_by_ - milliseconds(200), Clock::now() + kLastWait);
  std::unique_lock lock(mutex_);
  while (Clock::now() < end) {
    is_awake_ = false;
    lock.unlock();
    const bool is_done = attempt_->is_done();
    lock.lock();
    if (is_done) break;
    changed_.wait_until(lock, end, [this] { return is_awake_; });
  }
  lock.unlock();
  attempt_.reset();
}

}  // namespace cleat::nats
