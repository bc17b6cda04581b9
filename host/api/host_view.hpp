#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "plugin/manifest.hpp"
#include "plugin/ports.hpp"

namespace cleat {

/// An output component as the API sees it. Lives as long as the snapshot that holds it.
struct Output {
  std::string name;
  std::vector<std::string> operations;  ///< in the manifest's order
  OutputPort* port = nullptr;           ///< nullptr: not running, and `why` says why
  std::string why;
  bool rich_status = false;
};

struct ComponentView {
  std::string name, type, version;
  std::vector<std::string> capabilities;  ///< INPUT_BINDING, OUTPUT_BINDING
  std::string state;                      ///< starting, running, degraded, failed, stopping
  std::string subscription;  ///< input only: yes, no, asking, or "" where there is no application
  std::string reason;        ///< why it is not simply running
  std::uint64_t since_wall_ns = 0;
  std::uint32_t in_flight = 0, held = 0, unsettled = 0;
  std::string oldest_unsettled_id;  ///< of an event that was attempted and is held; empty: none
  std::uint64_t delivered = 0, acked = 0, failed_attempts = 0;
  Pairs details;  ///< what the plugin says of its far end
};

/// What the API may ask of the host. All functions on any io thread, none blocks.
class HostView {
 public:
  virtual ~HostView() = default;
  /// nullptr: no such output. The pointer is valid until the calling handler's invoke is done.
  [[nodiscard]] virtual const Output* find_output(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<ComponentView> components() const = 0;
  /// What the host is still waiting for, in words; empty: ready.
  [[nodiscard]] virtual std::vector<std::string> not_ready() const = 0;
  [[nodiscard]] virtual bool outbound_ready() const = 0;
  virtual void request_shutdown(bool force) = 0;
};

}  // namespace cleat
