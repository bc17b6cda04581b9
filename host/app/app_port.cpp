#include "app/app_port.hpp"

#include <fmt/core.h>

#include <boost/asio/connect.hpp>

namespace cleat {
namespace {

constexpr std::uint64_t kTryEvery = 100 * kMillisecond;
constexpr std::uint64_t kConnectTime = 500 * kMillisecond;

}  // namespace

AppPort::AppPort(AsioLoop& loop, std::string address, std::uint16_t port, Log& log, Task on_reached)
    : loop_(loop),
      address_(std::move(address)),
      port_(port),
      log_(log),
      on_reached_(std::move(on_reached)),
      resolver_(loop.context()),
      socket_(loop.context()),
      timer_([this] {
        if (!connecting_) {
          try_connect();
          return;
        }
        // Too slow. The operation ends with an error, which tries again.
        boost::system::error_code ignored;
        socket_.close(ignored);
        resolver_.cancel();
      }) {}

void AppPort::wait() {
  log_.info(fmt::format("waiting for the application to listen on {}:{}", address_, port_));
  try_connect();
}

void AppPort::stop() {
  stopped_ = true;
  timer_.disarm();
  resolver_.cancel();
  boost::system::error_code ignored;  // closing is all that is wanted
  socket_.close(ignored);
}

void AppPort::try_connect() {
  connecting_ = true;
  loop_.arm(timer_, loop_.now_ns() + kConnectTime);
  resolver_.async_resolve(address_, std::to_string(port_), [this](const auto& error, const auto& endpoints) {
    if (stopped_) return;
    if (error) {
      try_again();
    } else {
      connect(endpoints);
    }
  });
}

void AppPort::connect(const boost::asio::ip::tcp::resolver::results_type& endpoints) {
  boost::asio::async_connect(socket_, endpoints, [this](const auto& error, const auto&) {
    if (stopped_) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (error) {
      try_again();
      return;
    }
    timer_.disarm();
    reached_.store(true, std::memory_order_release);
    log_.info(fmt::format("application discovered on port {}", port_));
    on_reached_();
  });
}

void AppPort::try_again() {
  connecting_ = false;
  loop_.arm(timer_, loop_.now_ns() + kTryEvery);
}

}  // namespace cleat
