#include "redis_binding.hpp"

#include <future>
#include <utility>
#include <vector>

#include "cluster.hpp"
#include "commands.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

}  // namespace

void RedisBinding::init(const Config& config) {
  config_ = parse_config(config, config.raw().directions);
  has_input_ = (config.raw().directions & CLEAT_IN) != 0;
  tls_ = make_tls(config_);
  for (const std::string& warning : config_.warnings)
    host_.log(CLEAT_LOG_WARN, warning);
}

std::shared_ptr<Carrier> RedisBinding::make_carrier(Part part) {
  Carrier::Watcher watcher{
      [this, part] { part_up(part); },
      [this, part](cleat_status status, const std::string& why) { part_down(part, status, why); }};
  if (config_.kind == RedisConfig::Kind::cluster)
    return std::make_shared<Cluster>(loop_, config_, tls_.get(), std::move(watcher));
  return std::make_shared<Server>(loop_, config_, tls_.get(), config_.hosts[0], std::move(watcher));
}

void RedisBinding::start(Deadline /*deadline*/) {
  carriers_[kCommands] = make_carrier(kCommands);
  if (has_input_) {
    carriers_[kReader] = make_carrier(kReader);
    input_.emplace(host_, loop_, config_);
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

void RedisBinding::part_up(Part part) {
  up_[part] = true;
  if (up_[kCommands] && (up_[kReader] || !has_input_)) host_.set_health(CLEAT_HEALTH_UP, "");
  if (input_) input_->came_up();
}

void RedisBinding::part_down(Part part, cleat_status /*status*/, const std::string& why) {
  up_[part] = false;
  host_.set_health(CLEAT_HEALTH_DOWN, why);
}

void RedisBinding::invoke(const Request& request, Call&& call) {
  output_.invoke(request, std::move(call));
}

void RedisBinding::ping(Deadline deadline) {
  struct Answer {
    std::promise<std::optional<Error>> promise;
  };
  auto answer = std::make_shared<Answer>();
  std::future<std::optional<Error>> future = answer->promise.get_future();
  loop_.post([this, answer] {
    auto command = std::make_shared<Command>();
    command->wire = encode({"PING"});
    command->done = [answer](const Reply& reply, const Endpoint&) {
      answer->promise.set_value(
          reply.is_error() ? std::optional(Error(meaning_of(reply.text()).status, std::string(reply.text())))
                           : std::nullopt);
    };
    command->failed = [answer](const Trouble& trouble) {
      answer->promise.set_value(Error(trouble.status, trouble.why, CLEAT_RETRYABLE));
    };
    carriers_[kCommands]->send(command);
  });
  if (future.wait_until(deadline.time()) != std::future_status::ready)
    throw Error(CLEAT_TIMEOUT, "Redis did not answer in time", CLEAT_RETRYABLE);
  if (const auto error = future.get()) throw Error(*error);
}

void RedisBinding::begin_input(const Window& window) {
  loop_.post([this, window] { input_->begin(window); });
}

void RedisBinding::set_window(const Window& window) {
  loop_.post([this, window] { input_->set_window(window); });
}

void RedisBinding::settle(Settlements settlements) {
  std::vector<cleat_settlement> items;
  items.reserve(settlements.count);
  // Members of fixed size only: what a settlement refers to is gone after this call.
  for (const cleat_settlement* one : settlements) {
    cleat_settlement copy{};
    copy.verdict = one->verdict;
    copy.event_id = one->event_id;
    copy.requeue_after_ms = one->requeue_after_ms;
    copy.flags = one->flags;
    items.push_back(copy);
  }
  loop_.post([this, items = std::move(items)] { input_->settle(items); });
}

void RedisBinding::on_loop(Deadline deadline, std::function<void(std::function<void()> done)> task) {
  const auto ended = std::make_shared<std::promise<void>>();
  std::future<void> future = ended->get_future();
  loop_.post([task = std::move(task), ended] { task([ended] { ended->set_value(); }); });
  if (future.wait_until(deadline.time()) != std::future_status::ready)
    throw Error(CLEAT_TIMEOUT, "Redis did not answer before the deadline");
}

void RedisBinding::end_input(Deadline deadline) {
  on_loop(deadline, [this](const std::function<void()>& done) {
    input_->end();
    done();
  });
}

void RedisBinding::stop(Deadline deadline) {
  const Deadline for_settling{deadline.at_ns -
                              static_cast<std::uint64_t>(std::chrono::nanoseconds(500ms).count())};
  if (input_ && up_[kCommands]) {
    try {
      on_loop(for_settling, [this](std::function<void()> done) { input_->when_settled(std::move(done)); });
    } catch (const Error& error) {
      host_.log(CLEAT_LOG_WARN, "some settlements were not confirmed at the stop: those entries come again",
                {{"reason", error.what()}});
    }
  }
  loop_.post([this] {
    for (auto& carrier : carriers_) {
      if (carrier) carrier->close();
    }
    output_.end();
  });
  loop_.stop();
}

}  // namespace cleat::redis
