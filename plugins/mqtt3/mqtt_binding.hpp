#pragma once

#include <cleat/plugin.hpp>

#include <memory>

#include "health.hpp"
#include "mqtt_config.hpp"
#include "publisher.hpp"
#include "subscriber.hpp"
#include "tls_context.hpp"

namespace cleat::mqtt {

/// bindings.mqtt3.
class MqttBinding {
 public:
  explicit MqttBinding(Host host);
  MqttBinding(MqttBinding&&) = delete;

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
  Host host_;
  Health health_;
  std::uint32_t directions_ = 0;
  MqttConfig config_;
  std::unique_ptr<TlsContext> tls_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Subscriber> subscriber_;
};

}  // namespace cleat::mqtt
