#include "base/asio_loop.hpp"

#include <boost/asio/post.hpp>
#include <chrono>

namespace cleat {

std::uint64_t monotonic_now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

AsioLoop::AsioLoop() : work_(boost::asio::make_work_guard(context_)), wake_(context_) {}

void AsioLoop::post(Task task) {
  boost::asio::post(context_, std::move(task));
}

std::uint64_t AsioLoop::now_ns() const {
  return monotonic_now_ns();
}

bool AsioLoop::is_current() const {
  return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void AsioLoop::arm(Timer& timer, std::uint64_t when_ns) {
  timers_.arm(timer, when_ns);
  wait_for_next();
}

// Timers that are disarmed or moved later leave the Asio timer alone: it then fires once for nothing, which is cheaper
// than re-arming it at every request.
void AsioLoop::wait_for_next() {
  const std::uint64_t next = timers_.next_ns();
  if (next == 0 || (waiting_until_ns_ != 0 && waiting_until_ns_ <= next)) return;
  waiting_until_ns_ = next;
  wake_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next)));
  wake_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // moved to an earlier deadline by a later call
    waiting_until_ns_ = 0;
    timers_.run_due(now_ns());
    wait_for_next();
  });
}

void AsioLoop::run() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  context_.run();
  thread_.store(std::thread::id{}, std::memory_order_relaxed);
}

void AsioLoop::stop() {
  context_.stop();
}

}  // namespace cleat
