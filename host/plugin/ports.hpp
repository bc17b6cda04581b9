#pragma once

#include <cleat/plugin.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/task.hpp"
#include "base/text.hpp"
#include "plugin/buffer.hpp"
#include "plugin/event.hpp"

/// What the other rooms see of a component's instance: an output port to invoke, an input port to settle, and the sink that
/// its events go to.
namespace cleat {

/// The status's name as it stands in answers and logs: "UNAVAILABLE" and so on.
[[nodiscard]] std::string_view status_name(cleat_status status);
/// The HTTP status that says the same: 504 for TIMEOUT and so on. 200 for OK, 500 for what has no match.
[[nodiscard]] unsigned http_code_of(cleat_status status);
/// The gRPC code that says the same: 14 for UNAVAILABLE and so on. 0 for OK, 13 (INTERNAL) for what has no match.
[[nodiscard]] unsigned grpc_code_of(cleat_status status);

struct OutputRequest {
  std::string operation, content_type, data;
  Pairs metadata;
  std::string traceparent, tracestate, baggage;
  std::uint64_t timeout_ns = 0;  ///< 0: the component's invokeTimeout
  /// Whether the caller still waits for the answer; empty: always. Asked on the call's io thread before a further attempt.
  UniqueFunction<bool()> still_wanted;
};

struct OutputResult {
  cleat_status status = CLEAT_OK;
  bool retryable = false;
  std::uint32_t retry_after_ms = 0;
  std::string error;      ///< for people; empty on success
  bool has_body = false;  ///< a response object came, even if its data is empty
  Buffer data;
  std::string content_type;
  Pairs metadata;  ///< also on failure
};

using OutputDone = UniqueFunction<void(OutputResult&&)>;

class OutputPort {
 public:
  virtual ~OutputPort() = default;
  /// On the io thread `shard`. `done` runs exactly once on that thread, by the deadline at the latest, perhaps before this
  /// returns.
  virtual void invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) = 0;
};

struct Window {
  std::uint32_t max_events = 0;
  std::uint64_t max_bytes = 0;
  std::uint32_t max_per_lane = 0;
  friend bool operator==(const Window&, const Window&) = default;
};

struct Settlement {
  EventPtr event;
  std::int32_t verdict = CLEAT_ACK;
  std::uint32_t flags = 0;
  std::uint32_t requeue_after_ms = 0;
};

/// All functions on the component's home thread.
class InputPort {
 public:
  virtual ~InputPort() = default;
  /// Ends these events, in one call to the plugin. Releases them.
  virtual void settle(std::span<Settlement> settlements) = 0;
  virtual void set_window(const Window& window) = 0;
};

/// Where an instance puts its events. All functions on the component's home thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_events(std::vector<EventPtr> events) = 0;
  /// `by` is CLEAT_BY_LANE or CLEAT_BY_EVENT.
  virtual void on_withdraw(std::int32_t by, std::span<const std::uint64_t> ids) = 0;
};

}  // namespace cleat
