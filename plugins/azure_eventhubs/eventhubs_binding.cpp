#include "eventhubs_binding.hpp"

#include <string>
#include <utility>

#include "events.hpp"

namespace cleat::eventhubs {

void EventHubsBinding::init(const Config& config) {
  config_ = read_config(config);
  if (config.check_only()) return;
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
  if (config_.login) {
    config_.security.want_token = [this](kafka::TakeToken take) { login_->ask(std::move(take)); };
  }
  if (config_.checkpoints) {
    config_.first_starts = [this](const auto& partitions, auto end) {
      return checkpoints_->starts(partitions, end);
    };
  }
  engine_.emplace(host_, config_, config.raw().directions);
}

void EventHubsBinding::start(Deadline /*deadline*/) {
  if (config_.login) login_.emplace(host_, *config_.login, config_.namespace_host);
  if (config_.checkpoints) checkpoints_.emplace(host_, *config_.checkpoints);
  engine_->start(read_record,
                 [this](const kafka::ReadRecord& record, kafka::EventMetadata& metadata, cleat_event& event) {
                   describe_event(record, config_.all_properties, metadata, event);
                 });
}

void EventHubsBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED, "bindings.azure.eventhubs offers the operation create, found '" +
                                       std::string(request.operation()) + "'");
  engine_->create(request, std::move(call));
}

void EventHubsBinding::begin_input(const Window& window) {
  if (!engine_->begin_input(window))
    throw Error(
        CLEAT_INVALID,
        "property consumerID is required to subscribe to an Event Hub topic: set consumerGroup, or the "
        "direction of the component to output");
}

void EventHubsBinding::stop(Deadline deadline) {
  if (checkpoints_) checkpoints_->stop();  // the engine's thread may wait for it
  if (engine_) engine_->stop(deadline);
  checkpoints_.reset();
  login_.reset();
}

}  // namespace cleat::eventhubs
