#pragma once

#include <string>
#include <string_view>

#include "api/host_view.hpp"

namespace cleat {

/// Whether the host is ready for something; if not, daprd's error code and message.
struct HealthAnswer {
  bool healthy = true;
  std::string_view code;
  std::string message;
};

/// Everything the host waits for is there. `asked_app_id`: the caller wants to know that it talks to this
/// application's host; empty: it does not care.
[[nodiscard]] HealthAnswer health(const HostView& host, std::string_view app_id,
                                  std::string_view asked_app_id);

/// Output calls can be made, whether or not the application answers yet.
[[nodiscard]] HealthAnswer outbound_health(const HostView& host);

}  // namespace cleat
