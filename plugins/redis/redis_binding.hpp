#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/event_loop.hpp"
#include "link.hpp"
#include "output.hpp"
#include "redis_config.hpp"
#include "server.hpp"
#include "stream_input.hpp"

namespace cleat::redis {

/// bindings.redis: one thread, one connection for calls and settlements, one more for the read that waits.
class RedisBinding {
 public:
  explicit RedisBinding(Host host) : host_(host), output_(host, loop_) {}
  RedisBinding(const RedisBinding&) = delete;
  RedisBinding& operator=(const RedisBinding&) = delete;

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(Settlements settlements);
  void end_input(Deadline deadline);
  void stop(Deadline deadline);

 private:
  enum Part { kCommands, kReader, kParts };

  std::shared_ptr<Carrier> make_carrier(Part part);
  void part_up(Part part);
  void part_down(Part part, cleat_status status, const std::string& why);
  /// Runs `task` on the loop and waits for its end.
  void on_loop(Deadline deadline, std::function<void(std::function<void()> done)> task);

  Host host_;
  common::EventLoop loop_;
  RedisConfig config_;
  bool has_input_ = false;
  TlsContext tls_;
  std::shared_ptr<Carrier> carriers_[kParts];
  std::atomic<bool> up_[kParts] = {};
  Output output_;
  std::optional<StreamInput> input_;
};

}  // namespace cleat::redis
