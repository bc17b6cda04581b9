#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/event_loop.hpp"
#include "link.hpp"
#include "redis_config.hpp"

namespace cleat::redis {

/// How a command ended that got no reply.
struct Trouble {
  cleat_status status = CLEAT_UNAVAILABLE;
  std::string why;
  bool was_sent = false;  ///< the server may have done it
};

/// One command towards a key. Exactly one of `done` and `failed` is called, on the loop's thread.
struct Command {
  std::string wire;
  std::string key;
  std::function<void(const Reply&, const Endpoint& from)> done;
  std::function<void(const Trouble&)> failed;
  std::chrono::nanoseconds patience{0};  ///< as in Link::send
  int redirects = 0;
  bool is_unwanted = false;  ///< nobody waits for it: what has not been sent need not be
};
using CommandPtr = std::shared_ptr<Command>;

/// What carries commands: one server, or a cluster of them. On the loop's thread.
class Carrier {
 public:
  /// Whether the far end can be reached, and why not.
  struct Watcher {
    std::function<void()> up;
    std::function<void(cleat_status status, const std::string& why)> down;
  };

  virtual ~Carrier() = default;
  virtual void open() = 0;
  virtual void send(CommandPtr command) = 0;
  /// Commands that are out fail; nothing is called back after that.
  virtual void close() = 0;
};

/// A server that is connected to again and again until close(). With sentinels it is the one that they call
/// master. While the first answer about a connection is open commands wait, at most as many as a component may
/// have calls; while it is known to be down they fail at once.
class Server : public Carrier, public std::enable_shared_from_this<Server> {
 public:
  Server(common::EventLoop& loop, const RedisConfig& config, SSL_CTX* tls, Endpoint fixed, Watcher watcher);

  void open() override;
  void send(CommandPtr command) override;
  void close() override;
  /// With "ASKING" in front, as a cluster that moves a slot wants it.
  void send_asking(CommandPtr command);

  [[nodiscard]] bool is_up() const { return link_ != nullptr && link_->is_up(); }
  [[nodiscard]] const Endpoint& endpoint() const { return current_; }

 private:
  void connect();
  void ask_sentinel();
  void sentinel_answered(const Reply& reply);
  void sentinel_failed(const std::string& why);
  void connect_to(const Endpoint& to);
  void check_role();
  void came_up();
  void went_down(cleat_status status, const std::string& why);
  void transmit(const CommandPtr& command);
  [[nodiscard]] Link::Options options_for(const Endpoint& to, const Login& login) const;

  common::EventLoop& loop_;
  const RedisConfig& config_;
  SSL_CTX* tls_;
  const Endpoint fixed_;
  Watcher watcher_;
  Endpoint current_;
  std::shared_ptr<Link> link_, sentinel_;
  std::size_t next_sentinel_ = 0, failed_sentinels_ = 0;
  bool closed_ = false, known_down_ = false, ready_ = false;
  cleat_status down_status_ = CLEAT_UNAVAILABLE;
  std::string why_down_;
  std::deque<CommandPtr> waiting_;
  std::chrono::milliseconds back_off_{0};
  std::minstd_rand random_{std::random_device{}()};
  common::EventLoop::TimerId retry_timer_ = 0;
};

}  // namespace cleat::redis
