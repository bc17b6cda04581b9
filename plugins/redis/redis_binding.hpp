#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "link.hpp"
#include "output.hpp"
#include "redis_config.hpp"
#include "server.hpp"
#include "stream_input.hpp"

namespace cleat::redis {

/// bindings.redis: one thread that owns the connections, one of them for calls and settlements, one more for the read
/// that waits; of a cluster one of each to every node.
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
  enum Part { kCommands, kReader, kInput, kParts };
  struct PartHealth {
    std::int32_t state = CLEAT_HEALTH_UNKNOWN;
    std::string why;
  };

  std::shared_ptr<Carrier> make_carrier(Part part);
  void part_is(Part part, std::int32_t state, const std::string& why);
  void tell_health();

  Host host_;
  common::EventLoop loop_;
  common::Resolver resolver_{loop_};
  RedisConfig config_;
  bool has_input_ = false;
  TlsContext tls_;
  std::array<std::shared_ptr<Carrier>, kInput> carriers_;
  std::array<PartHealth, kParts> health_;
  bool is_stopping_ = false;  ///< an input waits until all that was settled is confirmed
  int failed_attempts_ = 0;   ///< to get a connection for that; one may have begun before it
  Output output_;
  std::optional<StreamInput> input_;
};

}  // namespace cleat::redis
