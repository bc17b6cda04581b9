#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/asio_loop.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "http/router.hpp"
#include "http/session.hpp"

namespace cleat::http {

struct ServerOptions {
  std::vector<std::string> addresses{"127.0.0.1"};  ///< literals or names
  std::uint16_t port = 3500;                        ///< 0: any free one, the same on all addresses
  std::uint32_t max_connections = 4096;             ///< beyond: 503 and closed
  SessionLimits limits;                             ///< message.body_bytes 0: no limit
  RouterOptions router;
};

/// The front door: accepts on the first loop, hands each connection to one loop in turn, where it stays.
class Server {
 public:
  /// Everything outlives the server. One router and its own sessions per loop; `loops[i]` is io thread i.
  Server(ServerOptions options, std::vector<AsioLoop*> loops, HostView& host, Log& log);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// The loops do not run any more.
  ~Server();

  /// Binds all addresses and begins to accept. Returns the port. The error says which address and what to do.
  /// Once.
  Result<std::uint16_t> listen();
  /// Accepts no more, lets running requests be answered, closes idle connections. `gone` runs on the first
  /// loop after the last connection ended. Any thread, once.
  void stop(Task gone);
  /// Cuts what is left. Any thread, after stop().
  void cut();

  [[nodiscard]] std::uint32_t connections() const { return connections_.load(std::memory_order_relaxed); }

 private:
  class Shard;
  struct Listener;

  Result<std::vector<boost::asio::ip::tcp::endpoint>> endpoints() const;
  Result<> bind(const boost::asio::ip::tcp::endpoint& endpoint, bool only_v6);
  Result<> bind_all(std::vector<boost::asio::ip::tcp::endpoint> endpoints);
  void accept(Listener& listener);
  void on_accept(Listener& listener, const boost::system::error_code& error,
                 boost::asio::ip::tcp::socket socket);
  void take(boost::asio::ip::tcp::socket socket, Shard& shard);
  void refuse(boost::asio::ip::tcp::socket socket);
  void close_listeners();
  void on_closed();
  void check_gone();

  const ServerOptions options_;
  std::vector<AsioLoop*> loops_;
  Log& log_;
  ExtendedMetadata extended_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t next_shard_ = 0;
  std::uint64_t warned_ns_ = 0;
  std::atomic<std::uint32_t> connections_{0};
  std::atomic<bool> stopping_{false};
  Task gone_;  ///< first loop
};

}  // namespace cleat::http
