#pragma once

#include <cleat/plugin.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "plugin/manifest.hpp"
#include "plugin/ports.hpp"

namespace cleat {

struct InstanceOptions {
  std::string component;
  std::uint32_t directions = 0;
  Pairs metadata;  ///< checked, defaulted, in the manifest's spelling
  Pairs facts;
  std::uint64_t invoke_timeout_ns = 30 * kSecond;
  std::uint32_t max_calls = 4096;               ///< not yet completed, abandoned ones included
  std::uint64_t max_call_bytes = 256ULL << 20;  ///< held by those calls
  std::uint32_t blocking_threads = 8;           ///< of the pool of a blocking type
};

struct InstanceHealth {
  std::int32_t state = CLEAT_HEALTH_UNKNOWN;
  std::string why;
};

/// One component's instance in a plugin: guards its life, its calls, its window and its settlements, and turns misuse of the
/// contract into named faults in the log.
class Instance final : public OutputPort, public InputPort {
 public:
  /// `shards` are the io threads; `home` is the one of them that the component's events live on.
  Instance(const cleat_binding_type& table, const BindingType& type, InstanceOptions options, Loop& home,
           std::vector<Loop*> shards, Log& log);
  ~Instance() override;

  /// [control] create, init, start. On failure the plugin's instance is closed already.
  Result<> open(std::uint64_t deadline_ns);
  /// [control] The sink must outlive end_input() and what is settled after it.
  Result<> begin_input(EventSink& sink, const Window& window);
  /// [control] No event reaches the sink that was delivered after this returned.
  Result<> end_input(std::uint64_t deadline_ns);
  /// [control] Asks the far end whether it answers, while the instance runs; only if can_ping().
  Result<> ping(std::uint64_t deadline_ns);
  /// Whether the plugin offers to ask its far end.
  [[nodiscard]] bool can_ping() const;
  /// [control] Once every event is settled and no invoke() can come any more. All calls are completed when it returns.
  Result<> stop(std::uint64_t deadline_ns);
  /// [control] After stop(). Frees the plugin's instance.
  void close();
  /// A [control] call has not returned by its deadline: nothing of this instance is freed any more, whoever destroys it.
  void abandon();
  [[nodiscard]] bool is_stuck() const;

  // OutputPort, InputPort
  void invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) override;
  void settle(std::span<Settlement> settlements) override;
  void set_window(const Window& window) override;

  /// Any thread.
  [[nodiscard]] InstanceHealth health() const;
  /// When the plugin last delivered, withdrew or told its health, on the loop's clock; at first when its input began.
  [[nodiscard]] std::uint64_t last_sign_ns() const;
  [[nodiscard]] std::uint32_t unsettled_events() const;
  [[nodiscard]] std::uint32_t open_calls() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleat
