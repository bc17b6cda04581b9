#pragma once

#include <cleat/plugin.hpp>

#include <optional>

#include "checkpoint_store.hpp"
#include "common/kafka/engine.hpp"
#include "eventhubs_config.hpp"
#include "token_login.hpp"

namespace cleat::eventhubs {

/// One component of type bindings.azure.eventhubs: the methods that become its table. The contract is plugin.h's.
class EventHubsBinding {
 public:
  explicit EventHubsBinding(Host host) : host_(host) {}

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline) { engine_->ping(deadline); }
  void invoke(const Request& request, Call&& call);
  void begin_input(const Window& window);
  void set_window(const Window& window) { engine_->set_window(window); }
  void settle(const Settlements& settlements) { engine_->settle(settlements); }
  void end_input(Deadline /*deadline*/) { engine_->end_input(); }
  void stop(Deadline deadline);

 private:
  Host host_;
  EventHubsConfig config_;
  std::optional<TokenLogin> login_;
  std::optional<CheckpointStore> checkpoints_;
  std::optional<kafka::Engine> engine_;
};

}  // namespace cleat::eventhubs
