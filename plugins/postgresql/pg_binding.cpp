#include "pg_binding.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/on_loop.hpp"
#include "values.hpp"

namespace cleat::postgresql {
namespace {

constexpr std::uint64_t kPoolsWordNs = 100'000'000;

}  // namespace

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
  const auto ask = [this, deadline](const common::Answer& answer) {
    auto job = std::make_shared<Pool::Job>();
    job->statement.sql = "SELECT 1";
    job->deadline_ns = deadline.at_ns;
    job->done = [answer](const Finished& finished, const Error* trouble) {
      if (trouble != nullptr) {
        answer(*trouble);
      } else if (!finished.state.empty()) {
        answer(Error(meaning_of_state(finished.state).status, finished.error));
      } else if (finished.is_lost) {
        answer(Error(CLEAT_UNAVAILABLE, "the connection to PostgreSQL ended", CLEAT_RETRYABLE));
      } else {
        answer(std::nullopt);
      }
    };
    pool_->run(job);
  };
  // The pool says at the deadline what it waited for.
  common::ask_and_wait(loop_, {deadline.at_ns + kPoolsWordNs}, "PostgreSQL did not answer in time", ask);
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
  if (!common::run_and_wait(loop_, deadline, [this] { queue_->end(); }))
    throw Error(CLEAT_TIMEOUT, "reading did not end before the deadline");
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
