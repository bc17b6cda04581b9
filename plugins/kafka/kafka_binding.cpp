#include "kafka_binding.hpp"

#include <string>

#include "common/kafka/client.hpp"
#include "records.hpp"

namespace cleat::kafka {

void KafkaBinding::init(const Config& config) {
  config_ = read_config(config, rd_kafka_version());
  written_ = read_ = HeaderFilter(config_.exclude_headers);
  if (config.check_only()) return;
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
  engine_.emplace(host_, config_, config.raw().directions);
}

void KafkaBinding::start(Deadline /*deadline*/) {
  engine_->start(
      [this](const Request& request) { return read_record(request, config_.strict_dapr, written_); },
      [this](const ReadRecord& record, EventMetadata& metadata, cleat_event& event) {
        describe_record(record, config_.escape_headers, read_, metadata, event);
      });
}

void KafkaBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED, "bindings.kafka offers the operation create, found '" +
                                       std::string(request.operation()) + "'");
  if (!engine_->can_write())
    throw Error(CLEAT_INVALID,
                "kafka error: this component has no publishTopic, so there is no topic to write to");
  engine_->create(request, std::move(call));
}

void KafkaBinding::begin_input(const Window& window) {
  // As Dapr's component: reading succeeds and does nothing.
  if (!engine_->begin_input(window))
    host_.log(CLEAT_LOG_WARN, "this component has no topics, so nothing is read from Kafka");
}

void KafkaBinding::stop(Deadline deadline) {
  if (engine_) engine_->stop(deadline);
}

}  // namespace cleat::kafka
