#pragma once

#include <cleat/plugin.hpp>

#include <optional>

#include "common/kafka/engine.hpp"
#include "header_filter.hpp"
#include "kafka_config.hpp"

namespace cleat::kafka {

/// One component of type bindings.kafka: the methods that become its table. The contract is plugin.h's.
class KafkaBinding {
 public:
  explicit KafkaBinding(Host host) : host_(host) {}

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
  KafkaConfig config_;
  HeaderFilter written_, read_;  ///< one for each of the two threads that ask them
  std::optional<Engine> engine_;
};

}  // namespace cleat::kafka
