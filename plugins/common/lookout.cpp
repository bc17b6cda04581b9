#include "common/lookout.hpp"

#include <algorithm>
#include <utility>

#include "common/deadlines.hpp"

namespace cleat::common {

Lookout::Lookout(EventLoop& loop, Look look, Times times)
    : loop_(loop), look_(std::move(look)), times_(times), back_off_(times.first, times.most) {}

void Lookout::look() {
  if (is_out_ || is_stopped_) return;
  cancel();
  is_out_ = true;
  look_(ns_after(times_.within), [this](bool is_well) {
    is_out_ = false;
    if (!is_well) return look_later();
    well_since_ = Clock::now();
    at_least_ = {};
  });
}

void Lookout::look_later(std::chrono::milliseconds at_least) {
  if (is_stopped_ || timer_ != 0) return;
  at_least_ = std::max(at_least_, std::min(at_least, times_.most));
  if (is_out_) return;
  // Where looks succeed and calls do not, the health would change with each of them.
  if (well_since_ && Clock::now() - *well_since_ > times_.most) back_off_.reset();
  well_since_.reset();
  const auto wait = std::max(back_off_.next(), std::exchange(at_least_, {}));
  timer_ = loop_.after(wait, [this] {
    timer_ = 0;
    look();
  });
}

void Lookout::rest() {
  cancel();
  back_off_.reset();
  at_least_ = {};
}

void Lookout::stop() {
  is_stopped_ = true;
  cancel();
}

void Lookout::cancel() {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
}

}  // namespace cleat::common
