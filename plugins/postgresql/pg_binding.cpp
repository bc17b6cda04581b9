#include "pg_binding.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/on_loop.hpp"
#include "values.hpp"

namespace cleat::postgresql {

void PgBinding::init(const Config& config) {
  directions_ = config.raw().directions;
  config_ = parse_config(config, directions_);
}

void PgBinding::start(Deadline /*deadline*/) {
  if ((directions_ & CLEAT_OUT) != 0) {
    pool_.emplace(loop_, resolver_, config_, [this](const std::string* why) {
      tell(kCalls, why != nullptr ? CLEAT_HEALTH_DOWN : CLEAT_HEALTH_UP,
           why != nullptr ? "PostgreSQL cannot be reached: " + *why : "");
    });
    statements_.emplace(loop_, *pool_, config_);
  }
  if ((directions_ & CLEAT_IN) != 0) {
    queue_.emplace(host_, loop_, resolver_, config_,
                   [this](std::int32_t state, const std::string& why) { tell(kQueue, state, why); });
  }
  loop_.start();
  loop_.post([this] {
    if (pool_) pool_->open();
    if (queue_) queue_->open();
  });
}

void PgBinding::tell(Part part, std::int32_t state, const std::string& why) {
  health_[part].state = state;
  health_[part].why = why;
  const auto& other = health_[part == kCalls ? kQueue : kCalls];
  const bool other_is_worse = other.state != CLEAT_HEALTH_UP && state != CLEAT_HEALTH_DOWN;
  host_.set_health(other_is_worse ? other.state : state, other_is_worse ? other.why : why);
}

void PgBinding::invoke(const Request& request, Call&& call) {
  statements_->invoke(request, std::move(call));
}

void PgBinding::ping(Deadline deadline) {
  if (!pool_) return;
  const auto answer = std::make_shared<std::promise<std::optional<Error>>>();
  std::future<std::optional<Error>> future = answer->get_future();
  auto job = std::make_shared<Pool::Job>();
  job->statement.sql = "SELECT 1";
  job->deadline_ns = deadline.at_ns;
  job->done = [answer](const Finished& finished, const Error* trouble) {
    if (trouble != nullptr) {
      answer->set_value(*trouble);
    } else if (!finished.state.empty()) {
      answer->set_value(Error(meaning_of_state(finished.state).status, finished.error));
    } else if (finished.is_lost) {
      answer->set_value(Error(CLEAT_UNAVAILABLE, "the connection to PostgreSQL ended", CLEAT_RETRYABLE));
    } else {
      answer->set_value(std::nullopt);
    }
  };
  loop_.post([this, job] { pool_->run(job); });
  if (future.wait_until(deadline.time() + std::chrono::milliseconds(100)) != std::future_status::ready)
    throw Error(CLEAT_TIMEOUT, "PostgreSQL did not answer in time", CLEAT_RETRYABLE);
  if (const auto error = future.get()) throw Error(*error);
}

void PgBinding::begin_input(const Window& window) {
  loop_.post([this, window] { queue_->begin(window); });
}

void PgBinding::set_window(const Window& window) {
  loop_.post([this, window] { queue_->set_window(window); });
}

void PgBinding::settle(Settlements settlements) {
  loop_.post([this, items = common::copy_of(settlements)] { queue_->settle(items); });
}

void PgBinding::end_input(Deadline deadline) {
  const bool has_ended = common::run_and_wait(loop_, deadline, [this](const std::function<void()>& done) {
    queue_->end();
    done();
  });
  if (!has_ended) throw Error(CLEAT_TIMEOUT, "reading did not end before the deadline");
}

void PgBinding::stop(Deadline deadline) {
  constexpr std::uint64_t kReserveNs = 500'000'000;
  if (queue_) {
    const auto left = std::make_shared<std::atomic<std::size_t>>(0);
    const bool are_settled = common::run_and_wait(loop_, {std::max(deadline.at_ns, kReserveNs) - kReserveNs},
                                                  [this, left](const std::function<void()>& done) {
                                                    queue_->when_settled([left, done](std::size_t unknown) {
                                                      *left = unknown;
                                                      done();
                                                    });
                                                  });
    if (!are_settled) {
      host_.log(CLEAT_LOG_WARN,
                "PostgreSQL did not answer before the deadline: rows that were settled may come again when "
                "their leases end");
    }
    if (*left > 0) {
      host_.log(CLEAT_LOG_WARN,
                "PostgreSQL cannot be reached: rows that were settled come again when their leases end",
                {{"rows", std::to_string(*left)}});
    }
  }
  loop_.post([this] {
    if (pool_) pool_->close();
    if (queue_) queue_->close();
  });
  loop_.stop();
  resolver_.stop();
}

}  // namespace cleat::postgresql
