#include "session.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Shorter than a call's usual time: while a connection is being made nothing else moves on this thread.
constexpr milliseconds kConnectWithin = 3000ms;
constexpr milliseconds kFirstBackOff = 100ms;

}  // namespace

Session::Session(common::EventLoop& loop, const RabbitConfig& config, AmqpEvents events, Hooks hooks)
    : loop_(loop), config_(config), events_(std::move(events)), hooks_(std::move(hooks)) {}

void Session::open() {
  connect();
  tick();
}

void Session::connect() {
  if (closed_) return;
  const Address& address = config_.addresses[next_address_ % config_.addresses.size()];
  try {
    auto made = std::make_unique<AmqpLink>(config_, address, kConnectWithin);
    hooks_.set_up(*made);
    link_ = std::move(made);
  } catch (const Error& error) {
    ++next_address_;
    Error named(error.status, "RabbitMQ at " + address.text() + ": " + error.what(), error.flags,
                error.native_code);
    {
      const std::lock_guard lock(mutex_);
      why_ = std::make_unique<Error>(named);
    }
    hooks_.down(named);
    retry();
    return;
  }
  back_off_ = 0ms;
  {
    const std::lock_guard lock(mutex_);
    why_.reset();
  }
  watched_ = link_->descriptor();
  loop_.add(watched_, EPOLLIN, [this](std::uint32_t) { process(); });
  hooks_.up();
  // Setting up may have read more than it answered.
  process();
}

void Session::retry() {
  // Each address once before it is waited for.
  if (next_address_ % config_.addresses.size() != 0) {
    retry_timer_ = loop_.after(0ms, [this] { connect(); });
    return;
  }
  const milliseconds longest = std::chrono::duration_cast<milliseconds>(config_.reconnect_wait);
  back_off_ = std::clamp(back_off_ * 2, std::min(kFirstBackOff, longest), longest);
  const auto jitter = milliseconds(random_() % static_cast<std::uint64_t>(back_off_.count() / 2 + 1));
  retry_timer_ = loop_.after(back_off_ / 2 + jitter, [this] { connect(); });
}

void Session::process() {
  use([this](AmqpLink& link) { link.process(events_); });
}

void Session::use(const std::function<void(AmqpLink&)>& action) {
  if (!link_) return;
  try {
    action(*link_);
  } catch (const Error& error) {
    drop(error);
  }
}

void Session::drop(const Error& why) {
  if (!link_) return;
  loop_.remove(std::exchange(watched_, -1));
  // Not at once: its own function may be running.
  loop_.before_sleep([old = std::shared_ptr<AmqpLink>(std::move(link_))] {});
  {
    const std::lock_guard lock(mutex_);
    why_ = std::make_unique<Error>(why);
  }
  hooks_.down(why);
  retry();
}

void Session::tick() {
  tick_timer_ = loop_.after(1s, [this] {
    process();  // the heartbeat
    hooks_.tick();
    tick();
  });
}

std::unique_ptr<Error> Session::why_down() const {
  const std::lock_guard lock(mutex_);
  return why_ ? std::make_unique<Error>(*why_) : nullptr;
}

void Session::close() {
  closed_ = true;
  if (retry_timer_ != 0) loop_.cancel(retry_timer_);
  if (tick_timer_ != 0) loop_.cancel(tick_timer_);
  if (watched_ >= 0) loop_.remove(std::exchange(watched_, -1));
  link_.reset();
}

}  // namespace cleat::rabbitmq
