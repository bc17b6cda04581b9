#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "cluster_slots.hpp"
#include "server.hpp"

namespace cleat::redis {

/// The masters of a Redis Cluster: a command goes to the one that holds its key's slot. What MOVED says is
/// believed at once and followed by a look at the whole table; ASK is followed for the one command. The table is looked at
/// now and then, too, and when a node says that it is cut off: then not that node's.
class Cluster : public Carrier, public std::enable_shared_from_this<Cluster> {
 public:
  Cluster(const Network& network, const RedisConfig& config, Watcher watcher);

  void open() override;
  void send(const CommandPtr& command, Answer answer) override;
  void close() override;

 private:
  using ServerPtr = std::shared_ptr<Server>;
  using Clock = std::chrono::steady_clock;
  struct Node {
    ServerPtr server;
    Clock::time_point redirected_to;  ///< when a command was last sent there by MOVED or ASK
    Clock::time_point distrusted_until;
    std::size_t out = 0;  ///< commands that wait for its answer
  };
  using NodePtr = std::shared_ptr<Node>;

  NodePtr node(const Endpoint& endpoint);
  void node_changed(const NodePtr& node, std::int32_t health, const std::string& why);
  void refresh(const ServerPtr& from);
  void refresh_soon();
  void refresh_from_next();
  void look_later();
  void learn(const Reply& table, const Endpoint& from);
  void forget_unused();
  void tell();
  void fail_waiting(const Trouble& trouble);
  void transmit(const CommandPtr& command, const NodePtr& to, Answer answer);
  void answered(const CommandPtr& command, const Reply& reply, const Endpoint& from, const NodePtr& by,
                const Answer& answer);
  [[nodiscard]] bool all_down() const;

  const Network network_;
  common::EventLoop& loop_;
  const RedisConfig& config_;
  Watcher watcher_;
  std::map<std::string, NodePtr> nodes_;
  std::array<NodePtr, kSlots> slots_;
  std::deque<std::pair<CommandPtr, Answer>> waiting_;
  bool known_ = false, refreshing_ = false, closed_ = false;
  common::EventLoop::TimerId refresh_timer_ = 0, look_timer_ = 0;
  std::string asked_last_;  ///< the node, by its name in nodes_
  std::string why_;         ///< what was last said against the cluster
};

}  // namespace cleat::redis
