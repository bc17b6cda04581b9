#include "redis_binding.hpp"

#include <utility>
#include <vector>

#include "cluster.hpp"
#include "commands.hpp"
#include "common/deadlines.hpp"
#include "common/on_loop.hpp"

namespace cleat::redis {

void RedisBinding::init(const Config& config) {
  config_ = parse_config(config, config.raw().directions);
  has_input_ = (config.raw().directions & CLEAT_IN) != 0;
  tls_ = make_tls(config_);
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
}

std::shared_ptr<Carrier> RedisBinding::make_carrier(Part part) {
  Watcher watcher = [this, part](std::int32_t state, const std::string& why) { part_is(part, state, why); };
  const Network network{loop_, resolver_, tls_.get()};
  if (config_.kind == RedisConfig::Kind::cluster)
    return std::make_shared<Cluster>(network, config_, std::move(watcher));
  return std::make_shared<Server>(network, config_, config_.hosts[0], std::move(watcher));
}

void RedisBinding::start(Deadline /*deadline*/) {
  carriers_[kCommands] = make_carrier(kCommands);
  if (has_input_) {
    carriers_[kReader] = make_carrier(kReader);
    input_.emplace(host_, loop_, config_,
                   [this](std::int32_t state, const std::string& why) { part_is(kInput, state, why); });
    input_->carry_by(carriers_[kCommands], carriers_[kReader]);
  }
  output_.carry_by(carriers_[kCommands]);
  loop_.start();
  loop_.post([this] {
    for (const auto& carrier : carriers_) {
      if (carrier) carrier->open();
    }
  });
}

void RedisBinding::part_is(Part part, std::int32_t state, const std::string& why) {
  health_[part] = {state, why};
  tell_health();
  if (part == kCommands && state == CLEAT_HEALTH_DOWN && is_stopping_ && ++failed_attempts_ == 2)
    input_->give_up();
  if (input_ && part != kInput && state != CLEAT_HEALTH_DOWN) input_->came_up();
}

/// The worst of the parts, and nothing until something is known of the connections. Also without news: it is the input's
/// sign of life.
void RedisBinding::tell_health() {
  for (const std::int32_t state : {CLEAT_HEALTH_DOWN, CLEAT_HEALTH_DEGRADED}) {
    for (const PartHealth& part : health_) {
      if (part.state == state) return host_.set_health(state, part.why);
    }
  }
  const bool is_known = health_[kCommands].state == CLEAT_HEALTH_UP &&
                        (!has_input_ || health_[kReader].state == CLEAT_HEALTH_UP);
  if (is_known) host_.set_health(CLEAT_HEALTH_UP, "");
}

void RedisBinding::invoke(const Request& request, Call&& call) {
  output_.invoke(request, std::move(call));
}

void RedisBinding::ping(Deadline deadline) {
  common::ask_and_wait(loop_, deadline, "Redis did not answer in time", [this](const common::Answer& answer) {
    const auto command = std::make_shared<Command>();
    command->wire = encode({"PING"});
    const auto replied = [answer](const Reply& reply, const Endpoint&) {
      std::optional<Error> error;
      // Who may not ask is answered all the same.
      if (reply.is_error() && meaning_of(reply.text()).status != CLEAT_DENIED)
        error.emplace(meaning_of(reply.text()).status, "redis: " + std::string(reply.text()));
      answer(std::move(error));
    };
    const auto failed = [answer](const Trouble& trouble) {
      answer(Error(trouble.status, trouble.why, CLEAT_RETRYABLE));
    };
    carriers_[kCommands]->send(command, {replied, failed});
  });
}

void RedisBinding::begin_input(const Window& window) {
  loop_.post([this, window] { input_->begin(window); });
}

void RedisBinding::set_window(const Window& window) {
  loop_.post([this, window] { input_->set_window(window); });
}

void RedisBinding::settle(Settlements settlements) {
  loop_.post([this, items = common::copy_of(settlements)] { input_->settle(items); });
}

void RedisBinding::end_input(Deadline deadline) {
  if (!input_) return;
  const auto end = [this](std::function<void()> done) { input_->end(std::move(done)); };
  if (!common::run_and_wait(loop_, deadline, end))
    throw Error(CLEAT_TIMEOUT, "reading did not end before the deadline");
}

void RedisBinding::stop(Deadline deadline) {
  if (input_) {
    common::run_and_wait(loop_, common::for_settling(deadline), [this](std::function<void()> done) {
      is_stopping_ = true;
      input_->when_settled(std::move(done));
    });
  }
  loop_.post([this] {
    if (input_) input_->close();
    for (auto& carrier : carriers_) {
      if (carrier) carrier->close();
    }
    output_.end();
  });
  loop_.stop();
  resolver_.stop();
}

}  // namespace cleat::redis
