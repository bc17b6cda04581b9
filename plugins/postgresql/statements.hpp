#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "common/event_loop.hpp"
#include "pool.hpp"

namespace cleat::postgresql {

/// The calls of the application: exec, query and close.
class Statements {
 public:
  Statements(common::EventLoop& loop, Pool& pool, const PgConfig& config)
      : loop_(loop), pool_(pool), config_(config) {}

  /// The io thread's. Checks the request there, and leaves the rest to the loop.
  void invoke(const Request& request, Call&& call);

 private:
  struct Running {
    Call call;
    bool is_query = false;
    std::string operation, sql, rows;
    std::chrono::system_clock::time_point begun;
    std::chrono::steady_clock::time_point begun_at;
    Pool::JobPtr job;
  };
  using RunningPtr = std::shared_ptr<Running>;

  void take_row(const RunningPtr& running, const Row& row);
  static void finish(const RunningPtr& running, const Finished& finished, const Error* trouble);
  static void answer(const RunningPtr& running, const std::string& affected);

  common::EventLoop& loop_;
  Pool& pool_;
  const PgConfig& config_;
  std::atomic<std::uint32_t> out_{0};
  std::atomic<bool> is_closed_{false};
};

}  // namespace cleat::postgresql
