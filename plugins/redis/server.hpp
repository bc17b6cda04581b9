#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/back_off.hpp"
#include "link.hpp"
#include "redis_config.hpp"

namespace cleat::redis {

/// One command towards a key.
struct Command {
  std::string wire;
  std::string key;
  std::chrono::nanoseconds patience{0};  ///< as in Link::send
  bool is_unwanted = false;              ///< nobody waits for it: what has not been sent need not be
  bool was_sent = false;                 ///< the server may have done it
  bool is_asking = false;                ///< "ASKING" goes in front, as a cluster that moves a slot wants it
  int redirects = 0;
};
using CommandPtr = std::shared_ptr<Command>;

/// Why a command got no reply.
struct Trouble {
  cleat_status status = CLEAT_UNAVAILABLE;
  std::string why;
};

/// Exactly one of them is called, once, on the loop's thread, perhaps from inside send().
struct Answer {
  std::function<void(const Reply&, const Endpoint& from)> done;
  std::function<void(const Trouble&)> failed;
};

/// How the far end is: CLEAT_HEALTH_UP, DEGRADED or DOWN, and why.
using Watcher = std::function<void(std::int32_t health, const std::string& why)>;

/// What carries commands: one server, or a cluster of them. On the loop's thread.
class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual void open() = 0;
  virtual void send(const CommandPtr& command, Answer answer) = 0;
  /// Commands that are out fail; nothing is called back after that.
  virtual void close() = 0;
};

/// A server that is connected to again and again until close(), also when it says that it is a replica. With sentinels it
/// is the one that they call master, which they are asked for each second. While the first answer about a connection is
/// open commands wait, at most as many as a component may have calls; while it is known to be down they fail at once.
class Server : public Carrier, public std::enable_shared_from_this<Server> {
 public:
  Server(const Network& network, const RedisConfig& config, Endpoint fixed, Watcher watcher);

  void open() override;
  void send(const CommandPtr& command, Answer answer) override;
  void close() override;

  [[nodiscard]] bool is_up() const { return ready_; }
  /// Empty unless the last connection broke, or could not be made, and there is no other one yet.
  [[nodiscard]] const std::string& why_down() const { return why_down_; }
  [[nodiscard]] const Endpoint& endpoint() const { return current_; }

 private:
  void connect();
  void ask_sentinel();
  void sentinel_answered(const Reply& reply);
  void sentinel_failed(const std::string& why);
  void next_sentinel();
  void ask_again_later();
  void connect_to(const Endpoint& to);
  void check_role();
  void came_up();
  void went_down(cleat_status status, const std::string& why);
  void transmit(const CommandPtr& command, Answer answer);
  void fail_waiting(const Trouble& trouble);
  void answered(const Reply& reply, Link& by);
  [[nodiscard]] Link::Options options_for(const Endpoint& to, const Login& login) const;

  const Network network_;
  common::EventLoop& loop_;
  const RedisConfig& config_;
  const Endpoint fixed_;
  Watcher watcher_;
  Endpoint current_;
  std::shared_ptr<Link> link_, sentinel_;
  std::size_t next_sentinel_ = 0, failed_sentinels_ = 0;
  unsigned attempts_ = 0;  ///< without a connection
  bool closed_ = false, ready_ = false;
  std::chrono::steady_clock::time_point up_since_;
  cleat_status down_status_ = CLEAT_UNAVAILABLE;
  std::string why_down_;
  std::deque<std::pair<CommandPtr, Answer>> waiting_;
  common::BackOff back_off_{std::chrono::milliseconds(100), std::chrono::seconds(3)};
  common::EventLoop::TimerId retry_timer_ = 0, ask_timer_ = 0;
};

}  // namespace cleat::redis
