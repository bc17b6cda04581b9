#pragma once

#include <cleat/plugin.hpp>

#include <mutex>
#include <optional>
#include <string>

#include "consumer.hpp"
#include "publisher.hpp"
#include "rabbit_config.hpp"

namespace cleat::rabbitmq {

/// bindings.rabbitmq: a connection and a thread for each direction in use.
class RabbitBinding {
 public:
  explicit RabbitBinding(Host host) : host_(host) {}
  RabbitBinding(const RabbitBinding&) = delete;
  RabbitBinding& operator=(const RabbitBinding&) = delete;

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id) { publisher_->cancel(call_id); }
  void begin_input(const Window& window) { consumer_->begin(window); }
  void set_window(const Window& window) { consumer_->set_window(window); }
  void settle(Settlements settlements) { consumer_->settle(settlements); }
  void end_input(Deadline deadline) {
    if (consumer_) consumer_->end(deadline);
  }
  void stop(Deadline deadline);

 private:
  enum Part { kPublisher, kConsumer, kParts };
  struct PartHealth {
    bool in_use = false;
    std::int32_t state = CLEAT_HEALTH_UNKNOWN;
    std::string why;
  };

  /// The worse of the two is the component's.
  void tell(Part part, std::int32_t state, const std::string& why);

  Host host_;
  RabbitConfig config_;
  std::uint32_t directions_ = 0;
  std::mutex health_mutex_;
  PartHealth health_[kParts];
  std::optional<Publisher> publisher_;
  std::optional<Consumer> consumer_;
};

}  // namespace cleat::rabbitmq
