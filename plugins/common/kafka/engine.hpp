#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

#include "common/kafka/consumer.hpp"
#include "common/kafka/health_board.hpp"
#include "common/kafka/producer.hpp"
#include "common/kafka/settings.hpp"

namespace cleat::kafka {

/// One component that speaks Kafka, under a binding that has its own fields, metadata and words. The methods are those of
/// plugin.h's contract.
class Engine {
 public:
  Engine(Host host, Settings settings, std::uint32_t directions);

  /// The clients connect in the background and again after every loss, so a broker that is away is no reason to fail.
  void start(ReadRequest read, Describe describe);
  void ping(Deadline deadline);
  [[nodiscard]] bool can_write() const { return producer_ != nullptr; }
  /// Writes a record; only if can_write().
  void create(const Request& request, Call&& call) { producer_->create(request, std::move(call)); }
  /// False: there are no topics, so nothing is read.
  bool begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(const Settlements& settlements);
  void end_input();
  void stop(Deadline deadline);

 private:
  void beat();

  Host host_;
  Settings settings_;
  std::uint32_t directions_;
  HealthBoard health_;
  std::atomic<bool> is_beating_{false};
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Consumer> consumer_;
};

}  // namespace cleat::kafka
