#pragma once

#include <cleat/plugin.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reporter.hpp"

namespace cleat::conformance {

/// A call that is out: what the request refers to lives here until the plugin has completed it.
struct PendingCall {
  std::uint64_t id = 0, began_ns = 0;
  std::string operation, data;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<cleat_kv> items;
  cleat_request request{};
};

struct Unsettled {
  std::uint64_t lane = 0;
  std::uint64_t bytes = 0;
};

/// The host's side of plugin.h for one instance, which reports what the plugin does, line by line, and what
/// it must not do as a violation. The table may be called from every thread; the other functions are for the
/// thread that drives the instance, which stands for the home thread.
class StrictHost {
 public:
  explicit StrictHost(Reporter& reporter);
  StrictHost(const StrictHost&) = delete;
  StrictHost& operator=(const StrictHost&) = delete;

  [[nodiscard]] const cleat_host* table() const { return &table_; }

  static std::uint64_t now_ns();

  /// The call is out from here on; its token is what the plugin spends.
  cleat_call* begin_call(std::unique_ptr<PendingCall> call, const cleat_request** request);
  [[nodiscard]] std::size_t calls_out() const;

  void open(const cleat_window& window);
  void shut();
  /// Takes events out of the count before they are settled, those that their lanes take along included:
  /// an event that is given back closes its lane, and the rest of it comes back as ABANDON.
  std::vector<cleat_settlement> settlements(std::int32_t verdict, std::uint32_t after_ms, std::uint32_t flags,
                                            const std::vector<std::uint64_t>& ids);
  /// What the plugin has withdrawn since the last call and is still out, as ABANDON.
  std::vector<cleat_settlement> withdrawn();
  [[nodiscard]] std::size_t unsettled() const;

  /// Runs what is due. Returns the time of the next task, if there is one.
  std::optional<std::uint64_t> run_due();
  /// post() is refused from here on.
  void stopping();
  /// stop() has returned: the rest of the tasks runs as cancelled, and nothing more may come.
  void stopped();

 private:
  struct Task {
    cleat_task run = nullptr;
    void* arg = nullptr;
  };

  static StrictHost& of(const cleat_host* host) { return *static_cast<StrictHost*>(host->impl); }
  void used(std::string_view function);
  void log(std::int32_t level, cleat_str message, const cleat_map* fields);
  cleat_status post(cleat_task task, void* arg, std::uint64_t not_before_ns);
  void set_health(std::int32_t state, cleat_str why);
  void complete(cleat_call* token, cleat_response* response, const cleat_failure* failure);
  cleat_status deliver(cleat_event* const* events, std::uint32_t count, std::uint32_t* accepted);
  bool take_in(cleat_event& event);
  void check_new(const cleat_event& event);
  void withdraw(std::int32_t by, const std::uint64_t* ids, std::uint32_t count);
  std::optional<Task> take_due();

  Reporter& reporter_;
  cleat_host table_{};
  mutable std::mutex mutex_;
  bool open_ = false, stopping_ = false, stopped_ = false;
  cleat_window window_{};
  std::map<cleat_call*, std::unique_ptr<PendingCall>> calls_;
  std::map<std::uint64_t, Unsettled> unsettled_;
  std::map<std::uint64_t, std::uint32_t> per_lane_;
  std::uint64_t unsettled_bytes_ = 0;
  std::set<std::uint64_t> ids_, closed_lanes_, withdrawn_;
  std::multimap<std::uint64_t, Task> tasks_;
};

}  // namespace cleat::conformance
