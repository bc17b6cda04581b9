#include "base/asio_loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

namespace cleat {
namespace {

// Between them the sockets have their turn.
constexpr int kRoundsOfPosts = 8;

int make_event_descriptor() {
  const int made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) throw boost::system::system_error(errno, boost::system::system_category(), "eventfd");
  return made;
}

}  // namespace

std::uint64_t monotonic_now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

AsioLoop::AsioLoop()
    : work_(boost::asio::make_work_guard(context_)),
      wake_(context_),
      wake_up_(context_, make_event_descriptor()) {
  wait_for_posts();
}

// What a task holds may post while it goes.
AsioLoop::~AsioLoop() {
  is_awake_ = true;
  while (!posted_.empty())
    std::exchange(posted_, {}).clear();
}

void AsioLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    if (std::exchange(is_awake_, true)) return;
  }
  if (is_current()) {
    boost::asio::post(context_, [this] { run_posted(); });
  } else {
    const std::uint64_t one = 1;
    // It fails only if the counter is full, and then the loop wakes anyway.
    [[maybe_unused]] const ssize_t written = ::write(wake_up_.native_handle(), &one, sizeof one);
  }
}

void AsioLoop::wait_for_posts() {
  wake_up_.async_read_some(boost::asio::buffer(&wakes_, sizeof wakes_),
                           [this](const boost::system::error_code& error, std::size_t /*size*/) {
                             if (error) return;
                             run_posted();
                             wait_for_posts();
                           });
}

void AsioLoop::run_posted() {
  for (int round = 0; round < kRoundsOfPosts; ++round) {
    {
      const std::lock_guard lock(mutex_);
      is_awake_ = !posted_.empty();
      if (!is_awake_) return;
      posted_.swap(running_);
    }
    for (Task& task : running_)
      task();
    running_.clear();
  }
  boost::asio::post(context_, [this] { run_posted(); });
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
