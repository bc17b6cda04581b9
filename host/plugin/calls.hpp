#pragma once

#include <cleat/plugin.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "plugin/manifest.hpp"
#include "plugin/pool.hpp"
#include "plugin/ports.hpp"

namespace cleat {

struct CallLimits {
  std::uint64_t timeout_ns = 0;
  std::uint32_t max_calls = 0;  ///< not yet completed by the plugin, abandoned ones included
  std::uint64_t max_bytes = 0;  ///< held by those
  std::uint32_t max_concurrency =
      0;  ///< begun and not completed; 0: no bound. The rest waits, inside max_calls
};

/// The output calls of one instance: each is begun once, answered once by the deadline, and completed once by the plugin.
/// The slots are reused and live as long as this object, so a second completion is noticed and not a crash.
class Calls {
 public:
  Calls(const cleat_binding_type& table, const BindingType& type, std::string component, CallLimits limits,
        Loop& home, std::vector<Loop*> shards, Pool* pool, Log& log);
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls();

  void attach(void* self) { self_ = self; }
  /// On the io thread `shard`.
  void invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done);
  /// The host table's complete(). Any thread.
  void complete(cleat_call* token, const cleat_response* response, const cleat_failure* failure);
  /// From here on no call begins: what waits is refused. Any thread, once, before the plugin's stop().
  void close();
  /// [control] After close(): waits until every call is completed, until the deadline at most.
  void wait_completed(std::uint64_t deadline_ns);
  /// Begun or waiting, and not completed.
  [[nodiscard]] std::uint32_t open() const { return open_.load(std::memory_order_acquire); }

 private:
  struct Call;

  Call& take_slot(std::uint32_t shard);
  void free_slot(Call& call);
  void begin(Call& call);
  bool may_begin(Call& call);
  void call_plugin(Call& call);
  void call_plugin_here(Call& call);
  void refuse(Call& call, cleat_status status, std::string_view why);
  static void take_result(Call& call, const cleat_response* response, const cleat_failure* failure);
  void begin_next_waiting();
  void finish(Call& call);
  void on_deadline(Call& call);
  void cancel(std::uint64_t call_id);

  const cleat_binding_type& table_;
  void* self_ = nullptr;
  const std::string component_;
  const CallLimits limits_;
  const bool serial_;
  Loop& home_;
  std::vector<Loop*> shards_;
  Pool* pool_;
  Log& log_;

  struct Shard {
    std::deque<Call> slots;
    std::vector<Call*> free;
  };
  std::vector<std::unique_ptr<Shard>> slots_;

  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::uint32_t> open_{0};
  std::atomic<std::uint64_t> open_bytes_{0};
  std::atomic<bool> closed_{false};
  std::mutex closing_mutex_;
  std::condition_variable completed_;

  // Only for types with a bound on concurrency.
  std::mutex waiting_mutex_;
  std::uint32_t begun_ = 0;
  std::deque<Call*> waiting_;
};

}  // namespace cleat
