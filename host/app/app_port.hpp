#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

#include "base/asio_loop.hpp"
#include "base/log.hpp"

namespace cleat {

/// Waits until the application's port accepts a connection: the host is ready only then, as daprd is.
class AppPort {
 public:
  /// `on_reached` runs once, on the loop's thread.
  AppPort(AsioLoop& loop, std::string address, std::uint16_t port, Log& log, Task on_reached);

  /// Begins to try, every 100 ms, for ever. On the loop's thread.
  void wait();
  /// On the loop's thread.
  void stop();
  /// Any thread.
  [[nodiscard]] bool reached() const { return reached_.load(std::memory_order_acquire); }

 private:
  void try_connect();
  void connect(const boost::asio::ip::tcp::resolver::results_type& endpoints);
  void try_again();

  AsioLoop& loop_;
  const std::string address_;
  const std::uint16_t port_;
  Log& log_;
  Task on_reached_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket socket_;
  Timer timer_;
  bool connecting_ = false;
  bool stopped_ = false;
  std::atomic<bool> reached_{false};
};

}  // namespace cleat
