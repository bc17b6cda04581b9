#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "plugin/event.hpp"

namespace cleat::http {

/// The wall clock as text. It remembers the text of a second, because events that follow each other mostly share it.
class WallText {
 public:
  /// RFC 3339 in UTC with milliseconds, as format_wall_ns(). Borrowed until the next call.
  [[nodiscard]] std::string_view of(std::uint64_t wall_ns);

 private:
  static constexpr std::size_t kLength = 24;
  std::uint64_t second_ = UINT64_MAX;
  std::array<char, kLength> text_{};
};

/// The number of the attempt that runs or comes next, the source's own deliveries included.
[[nodiscard]] std::uint32_t attempt_of(const Event& event);

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
/// legal name arrives percent-encoded behind `cleat-<type>-`, what is no legal value percent-encoded: control
/// characters, white space at an end, bytes that are no UTF-8. Entries beyond the bounds are left out, and `cleat-headers-left-out` says how many.
void append_event_headers(std::string& out, const Event& event, const EventHeaderOptions& options,
                          WallText& wall);

}  // namespace cleat::http
