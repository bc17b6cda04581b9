#include "nats_binding.hpp"

#include <string>

#include "core_input.hpp"
#include "jetstream_input.hpp"

namespace cleat::nats {

NatsBinding::NatsBinding(Host host) : host_(host), health_(host) {}

void NatsBinding::init(const Config& config) {
  config_ = read_config(config);
  directions_ = config.raw().directions;
  if (config.check_only()) return;
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
}

/// The connections are made in the background, and again after every loss, so a server that is away is no reason to fail.
void NatsBinding::start(Deadline /*deadline*/) {
  if (const natsStatus status = nats_Open(-1); status != NATS_OK)
    throw Error(CLEAT_INTERNAL, failure_of(status, "the NATS library cannot be used").text);
  if ((directions_ & CLEAT_OUT) != 0) output_ = std::make_unique<Output>(config_, host_, health_);
  if ((directions_ & CLEAT_IN) != 0 && config_.consumer)
    input_ = std::make_unique<JetStreamInput>(config_, host_, health_);
  else if ((directions_ & CLEAT_IN) != 0 && config_.reads())
    input_ = std::make_unique<CoreInput>(config_, host_, health_);
  if (output_) output_->start();
  if (input_) input_->start();
}

void NatsBinding::ping(Deadline deadline) {
  if (output_) output_->ping(deadline);
  if (input_) input_->ping(deadline);
}

void NatsBinding::invoke(const Request& request, Call&& call) {
  output_->invoke(request, std::move(call));
}

void NatsBinding::cancel(std::uint64_t call_id) {
  output_->cancel(call_id);
}

void NatsBinding::begin_input(const Window& window) {
  if (input_) {
    input_->begin(window);
    return;
  }
  host_.log(CLEAT_LOG_WARN, "this component has neither a stream nor subjects, so nothing is read from NATS");
  if (!is_beating_.exchange(true)) beat();
}

/// Without an input nothing can hang, but the manifest promises a sign of life.
void NatsBinding::beat() {
  health_.beat();
  constexpr std::uint64_t kEveryNs = 5'000'000'000;
  const auto again = [this](bool is_cancelled) {
    if (!is_cancelled) beat();
  };
  if (host_.post(again, host_.now_ns() + kEveryNs) != CLEAT_OK) is_beating_ = false;
}

void NatsBinding::set_window(const Window& window) {
  if (input_) input_->set_window(window);
}

void NatsBinding::settle(const Settlements& settlements) {
  if (input_) input_->settle(settlements);
}

void NatsBinding::end_input(Deadline /*deadline*/) {
  if (input_) input_->end();
}

void NatsBinding::stop(Deadline deadline) {
  // The acknowledgements first: what is not told to the server in time is worked on twice.
  if (input_) input_->stop(deadline);
  if (output_) output_->stop(deadline);
}

}  // namespace cleat::nats
