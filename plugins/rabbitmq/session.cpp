#include "session.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kConnectWithin = 3000ms;
constexpr milliseconds kFirstBackOff = 100ms;
constexpr milliseconds kFarewell = 1000ms;

common::BackOff back_off_of(milliseconds longest) {
  return {std::min(kFirstBackOff, longest), longest};
}

}  // namespace

Session::Session(common::EventLoop& loop, const RabbitConfig& config, AmqpListener& listener, Hooks hooks)
    : loop_(loop),
      config_(config),
      listener_(listener),
      hooks_(std::move(hooks)),
      resolver_(loop),
      back_off_(back_off_of(std::chrono::duration_cast<milliseconds>(config.reconnect_wait))) {}

void Session::open() {
  connect();
  tick();
}

void Session::connect() {
  retry_timer_ = 0;
  if (closed_) return;
  const Address& address = config_.addresses[address_];
  resolver_.ask(address.host, address.port, [this](const common::Addresses& found) { connect_to(found); });
}

void Session::connect_to(const common::Addresses& found) {
  if (closed_) return;
  if (found.addresses.empty()) {
    fall(Error(CLEAT_UNAVAILABLE, "its address cannot be found: " + found.error, CLEAT_RETRYABLE));
    return;
  }
  interrupt_ = std::make_shared<Interrupt>();
  try {
    attempt_ = std::thread([this, &address = config_.addresses[address_], found, interrupt = interrupt_] {
      const auto made = std::make_shared<Attempt>(attempt(address, found, interrupt));
      loop_.post([this, made] { arrived(std::move(*made)); });
    });
  } catch (const std::system_error& error) {
    fall(Error(CLEAT_UNAVAILABLE, std::string("no thread to connect on: ") + error.what(), CLEAT_RETRYABLE));
  }
}

Session::Attempt Session::attempt(const Address& address, const common::Addresses& found,
                                  const std::shared_ptr<Interrupt>& interrupt) const {
  try {
    auto link = connected(address, found, interrupt);
    hooks_.set_up(*link);
    return {std::move(link), std::nullopt};
  } catch (const Error& error) {
    return {nullptr, error};
  } catch (const std::exception& error) {
    return {nullptr, Error(CLEAT_INTERNAL, error.what(), CLEAT_RETRYABLE)};
  }
}

std::unique_ptr<AmqpLink> Session::connected(const Address& address, const common::Addresses& found,
                                             const std::shared_ptr<Interrupt>& interrupt) const {
  for (std::size_t i = 0;; ++i) {
    try {
      return std::make_unique<AmqpLink>(config_, address, found.addresses[i].text, kConnectWithin, interrupt);
    } catch (const Error& error) {
      const bool may_differ = error.status == CLEAT_UNAVAILABLE && !interrupt->is_set();
      if (!may_differ || i + 1 == found.addresses.size()) throw;
    }
  }
}

void Session::arrived(Attempt attempt) {
  if (attempt_.joinable()) attempt_.join();
  interrupt_.reset();
  if (closed_) return;
  if (attempt.failure) {
    fall(*attempt.failure);
    return;
  }
  link_ = std::move(attempt.link);
  {
    const std::lock_guard lock(mutex_);
    why_.reset();
  }
  watched_ = link_->descriptor();
  watches_room_ = false;
  loop_.add(watched_, EPOLLIN, [this](std::uint32_t events) {
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
      process();
    } else {
      hooks_.ready();
    }
  });
  hooks_.up();
  // Setting up may have read more than it answered.
  process();
}

void Session::process() {
  use([this](AmqpLink& link) { link.process(listener_); });
  if (link_) hooks_.ready();
}

void Session::use(const std::function<void(AmqpLink&)>& action) {
  if (!link_) return;
  try {
    action(*link_);
  } catch (const Error& error) {
    drop(error);
  }
}

void Session::watch_room(bool wanted) {
  if (!link_ || wanted == watches_room_) return;
  watches_room_ = wanted;
  loop_.change(watched_, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Session::drop(const Error& why) {
  if (!link_) return;
  loop_.remove(std::exchange(watched_, -1));
  // Not at once: its own function may be running.
  loop_.before_sleep([old = std::shared_ptr<AmqpLink>(std::move(link_))] {});
  fall(why);
}

void Session::fall(const Error& why) {
  const Error named(why.status, "RabbitMQ at " + config_.addresses[address_].text() + ": " + why.what(),
                    why.flags, why.native_code);
  {
    const std::lock_guard lock(mutex_);
    why_ = named;
  }
  for (const common::Answer& answer : std::exchange(pings_, {}))
    answer(named);
  hooks_.down(named);
  retry();
}

void Session::retry() {
  address_ = (address_ + 1) % config_.addresses.size();
  // Each address once before it is waited for.
  if (++failed_in_turn_ % config_.addresses.size() != 0) {
    retry_timer_ = loop_.after(0ms, [this] { connect(); });
    return;
  }
  retry_timer_ = loop_.after(back_off_.next(), [this] { connect(); });
}

void Session::tick() {
  tick_timer_ = loop_.after(1s, [this] {
    process();  // the heartbeat
    hooks_.tick();
    tick();
  });
}

std::optional<Error> Session::why_down() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

void Session::ping(Deadline deadline) {
  common::ask_and_wait(loop_, deadline, "RabbitMQ did not answer in time", [this](common::Answer answer) {
    if (!link_) {
      answer(why_down().value_or(
          Error(CLEAT_UNAVAILABLE, "there is no connection to RabbitMQ yet", CLEAT_RETRYABLE)));
      return;
    }
    pings_.push_back(std::move(answer));
    use([](AmqpLink& link) { link.ask(); });
  });
}

void Session::answered() {
  for (const common::Answer& answer : std::exchange(pings_, {}))
    answer(std::nullopt);
}

void Session::close(Deadline deadline) {
  closed_ = true;
  if (retry_timer_ != 0) loop_.cancel(retry_timer_);
  if (tick_timer_ != 0) loop_.cancel(tick_timer_);
  resolver_.stop();
  if (interrupt_) interrupt_->set();
  if (attempt_.joinable()) attempt_.join();
  if (watched_ >= 0) loop_.remove(std::exchange(watched_, -1));
  if (!link_) return;
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline.time() - std::chrono::steady_clock::now());
  link_->close(std::min(kFarewell, left / 2));
  link_.reset();
  for (const common::Answer& answer : std::exchange(pings_, {}))
    answer(Error(CLEAT_CANCELLED, "the component stops", CLEAT_RETRYABLE));
}

}  // namespace cleat::rabbitmq
