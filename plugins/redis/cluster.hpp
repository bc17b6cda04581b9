#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "cluster_slots.hpp"
#include "server.hpp"

namespace cleat::redis {

/// The masters of a Redis Cluster: a command goes to the one that holds its key's slot. What MOVED says is
/// believed at once and followed by a look at the whole table; ASK is followed for the one command.
class Cluster : public Carrier, public std::enable_shared_from_this<Cluster> {
 public:
  Cluster(common::EventLoop& loop, const RedisConfig& config, SSL_CTX* tls, Watcher watcher);

  void open() override;
  void send(CommandPtr command) override;
  void close() override;

 private:
  using ServerPtr = std::shared_ptr<Server>;

  ServerPtr node(const Endpoint& endpoint);
  void node_up(const ServerPtr& node);
  void node_down(const Endpoint& endpoint, cleat_status status, const std::string& why);
  void refresh(const ServerPtr& from);
  void refresh_soon();
  void learn(const Reply& table, const Endpoint& from);
  void forget_unused();
  void transmit(const CommandPtr& command, const ServerPtr& to, bool asking);
  void answered(const CommandPtr& command, const Reply& reply, const Endpoint& from);
  [[nodiscard]] bool any_up() const;

  common::EventLoop& loop_;
  const RedisConfig& config_;
  SSL_CTX* tls_;
  Watcher watcher_;
  std::map<std::string, ServerPtr> nodes_;
  std::array<ServerPtr, kSlots> slots_;
  std::deque<CommandPtr> waiting_;
  bool known_ = false, refreshing_ = false, closed_ = false, told_up_ = false;
  common::EventLoop::TimerId refresh_timer_ = 0;
  cleat_status down_status_ = CLEAT_UNAVAILABLE;
  std::string why_down_;
};

}  // namespace cleat::redis
