#include "common/curl/far_end.hpp"

#include <utility>

namespace cleat::common {

using Clock = EventLoop::Clock;

bool is_passing(const ServiceFailure& failure) {
  switch (failure.status) {
    case CLEAT_UNAVAILABLE:
    case CLEAT_TIMEOUT:
    case CLEAT_THROTTLED:
    case CLEAT_UNAUTHENTICATED:
    case CLEAT_REMOTE:
      return true;
    default:
      return false;
  }
}

FarEnd::FarEnd(EventLoop& loop, Ways ways, Times times)
    : ways_(std::move(ways)),
      times_(times),
      lookout_(
          loop,
          [this](std::uint64_t deadline_ns, const Lookout::Done& done) {
            ways_.look(deadline_ns, [this, done](const ServiceFailure* failure) { looked(failure, done); });
          },
          times.looks) {}

void FarEnd::note(const ServiceFailure* failure) {
  if (is_closed_ || (failure != nullptr && failure->status == CLEAT_CANCELLED)) return;
  const Says says = failure != nullptr ? ways_.judge(*failure) : Says::is_there;
  if (says == Says::nothing) return;
  if (says != Says::is_there) return wrong(*failure);
  lookout_.rest();
  over(CLEAT_HEALTH_UP);
}

void FarEnd::wrong(const ServiceFailure& failure) {
  trouble_ = {is_passing(failure), failure.status == CLEAT_DENIED, Clock::now()};
  lookout_.look_later(std::chrono::milliseconds(failure.retry_after_ms));
  const bool is_slow = ways_.judge(failure) == Says::is_slow;
  ways_.tell(is_slow ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_DOWN, failure.text);
}

void FarEnd::over(std::int32_t health) {
  trouble_.reset();
  ways_.tell(health, {});
}

void FarEnd::looked(const ServiceFailure* failure, const Lookout::Done& done) {
  if (is_closed_ || (failure != nullptr && failure->status == CLEAT_CANCELLED)) return done(false);
  const bool knows_us = is_known(failure);
  if (!knows_us && is_against(*failure)) {
    wrong(*failure);
    return done(false);
  }
  // That one may look says nothing of what else one may.
  const bool is_disproved = !trouble_ || (failure == nullptr ? !trouble_->is_denied : trouble_->is_passing);
  if (knows_us && is_disproved) {
    over(CLEAT_HEALTH_UP);
  } else if (Clock::now() - trouble_->seen_at >= times_.believed) {
    over(CLEAT_HEALTH_UNKNOWN);
  }
  done(!trouble_);
}

/// Who may not look is told so by somebody who knows who asks; where nothing else stands against it that is well enough.
bool FarEnd::is_known(const ServiceFailure* failure) const {
  if (failure == nullptr || knows_who_asks(*failure)) return true;
  return failure->status == CLEAT_DENIED && !trouble_;
}

/// Other than a call, a look has time enough, and its NOT_FOUND is about the thing that everything needs.
bool FarEnd::is_against(const ServiceFailure& failure) const {
  if (failure.status == CLEAT_DENIED) return false;
  return !trouble_ || is_passing(failure) || failure.status == CLEAT_NOT_FOUND ||
         ways_.judge(failure) == Says::is_wrong;
}

void FarEnd::close() {
  is_closed_ = true;
  lookout_.stop();
}

}  // namespace cleat::common
