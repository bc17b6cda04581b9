#include "mqtt_binding.hpp"

#include <string>

namespace cleat::mqtt {

MqttBinding::MqttBinding(Host host) : host_(host), health_(host) {}

void MqttBinding::init(const Config& config) {
  config_ = read_config(config);
  directions_ = config.raw().directions;
  if (config_.server.tls) tls_ = std::make_unique<TlsContext>(config_);
  if (config.check_only()) return;
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
}

/// The clients connect in the background and again after every loss, so a broker that is away is no reason to fail.
void MqttBinding::start(Deadline /*deadline*/) {
  if ((directions_ & CLEAT_OUT) != 0)
    publisher_ = std::make_unique<Publisher>(config_, host_, health_, tls_.get());
  if ((directions_ & CLEAT_IN) != 0)
    subscriber_ = std::make_unique<Subscriber>(config_, host_, health_, tls_.get());
}

void MqttBinding::ping(Deadline deadline) {
  // libmosquitto asks the broker for a sign of life itself, so its connection is the answer.
  const bool can_write = !publisher_ || publisher_->is_connected();
  if (can_write && (!subscriber_ || subscriber_->ping(deadline))) return;
  const std::string why = health_.why(can_write ? Health::input : Health::output);
  throw Error(CLEAT_UNAVAILABLE, why.empty() ? "the MQTT broker did not answer in time" : why,
              CLEAT_RETRYABLE);
}

void MqttBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "bindings.mqtt3 offers create, not '" + std::string(request.operation()) + "'");
  publisher_->create(request, std::move(call));
}

void MqttBinding::begin_input(const Window& window) {
  subscriber_->begin(window);
}

void MqttBinding::set_window(const Window& window) {
  subscriber_->set_window(window);
}

void MqttBinding::settle(Settlements settlements) {
  subscriber_->settle(settlements);
}

void MqttBinding::end_input(Deadline /*deadline*/) {
  if (subscriber_) subscriber_->end();
}

void MqttBinding::stop(Deadline deadline) {
  if (subscriber_) subscriber_->stop();
  if (publisher_) publisher_->stop(deadline);
}

}  // namespace cleat::mqtt
