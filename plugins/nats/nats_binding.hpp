#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

#include "health.hpp"
#include "input.hpp"
#include "nats_config.hpp"
#include "output.hpp"

namespace cleat::nats {

/// One component of type bindings.nats: the methods that become its table. The contract is plugin.h's.
class NatsBinding {
 public:
  explicit NatsBinding(Host host);

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(const Settlements& settlements);
  void end_input(Deadline deadline);
  void stop(Deadline deadline);

 private:
  void beat();

  Host host_;
  Health health_;
  NatsConfig config_;
  std::uint32_t directions_ = 0;
  std::atomic<bool> is_beating_{false};
  std::unique_ptr<Output> output_;
  std::unique_ptr<Input> input_;
};

}  // namespace cleat::nats
