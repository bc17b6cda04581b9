#pragma once

#include <cleat/plugin.hpp>

#include <functional>
#include <optional>
#include <string>

#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "pg_config.hpp"
#include "pool.hpp"
#include "queue_input.hpp"
#include "statements.hpp"

namespace cleat::postgresql {

/// bindings.postgresql: one thread for all connections.
class PgBinding {
 public:
  explicit PgBinding(Host host) : host_(host) {}
  PgBinding(const PgBinding&) = delete;
  PgBinding& operator=(const PgBinding&) = delete;

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
  enum Part { kCalls, kQueue, kParts };
  /// On the loop. The worse of the two is the component's.
  void tell(Part part, std::int32_t state, const std::string& why);

  Host host_;
  PgConfig config_;
  std::uint32_t directions_ = 0;
  common::EventLoop loop_;
  common::Resolver resolver_{loop_};
  struct {
    std::int32_t state = CLEAT_HEALTH_UP;
    std::string why;
  } health_[kParts];
  std::optional<Pool> pool_;
  std::optional<Statements> statements_;
  std::optional<QueueInput> queue_;
};

}  // namespace cleat::postgresql
