#pragma once

#include <string>
#include <string_view>

#include "plugin/event.hpp"

namespace cleat::http {

struct EventHeaderOptions {
  std::string type;  ///< the last part of the binding type, "kafka": names the source's own values in
                     ///< `cleat-kafka-offset`
  std::string user_agent;
  bool content_type_from_source = false;
  bool strict_dapr = false;  ///< exactly daprd's headers: no cleat-* ones, and what daprd drops is lost
  std::size_t max_count = 256;
  std::size_t max_bytes = 64 * 1024;
};

/// Appends the headers that an event's own data makes, `Content-Type` included, each line ended; never a name
/// that frames the message or that only the host may set, and only legal characters, whatever the event says.
/// Names in Go's canonical spelling, as daprd sends.
///
/// Of entries with one name the first is sent (a plugin puts its own before those of the message), the others
/// arrive as `cleat-src-<name>`, as do all whose name is the host's. An entry that begins with an underscore
/// is the source's own and is sent as `cleat-<type>-<name>` too, because proxies drop such names. What is no
/// legal name arrives percent-encoded behind `cleat-<type>-`, what is no legal value percent-encoded. Entries
/// beyond the bounds are left out, and `cleat-headers-left-out` says how many.
void append_event_headers(std::string& out, const Event& event, const EventHeaderOptions& options);

}  // namespace cleat::http
