#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

#include "consumer.hpp"
#include "health_board.hpp"
#include "kafka_config.hpp"
#include "producer.hpp"

namespace cleat::kafka {

/// One component of type bindings.kafka: the methods that become its table. The contract is plugin.h's.
class KafkaBinding {
 public:
  explicit KafkaBinding(Host host);

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(const Settlements& settlements);
  void end_input(Deadline deadline);
  void stop(Deadline deadline);

 private:
  void beat();

  Host host_;
  HealthBoard health_;
  KafkaConfig config_;
  std::uint32_t directions_ = 0;
  std::atomic<bool> is_beating_{false};
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Consumer> consumer_;
};

}  // namespace cleat::kafka
