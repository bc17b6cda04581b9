#include "base/loop.hpp"

namespace cleat {

void TimerQueue::arm(Timer& timer, std::uint64_t when_ns) {
  timer.disarm();
  timer.when_ns_ = when_ns;
  armed_.insert(timer);
}

void TimerQueue::run_due(std::uint64_t now_ns) {
  while (!armed_.empty() && armed_.begin()->when_ns_ <= now_ns) {
    Timer& due = *armed_.begin();
    due.disarm();
    due.on_time_();
  }
}

std::uint64_t TimerQueue::next_ns() const {
  return armed_.empty() ? 0 : armed_.begin()->when_ns_;
}

}  // namespace cleat
