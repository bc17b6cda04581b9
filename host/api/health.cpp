#include "api/health.hpp"

#include <fmt/format.h>

namespace cleat {

HealthAnswer health(const HostView& host, std::string_view app_id, std::string_view asked_app_id) {
  const std::vector<std::string> waiting = host.not_ready();
  if (!waiting.empty()) {
    return {false, "ERR_HEALTH_NOT_READY", fmt::format("dapr is not ready: [{}]", fmt::join(waiting, " "))};
  }
  if (!asked_app_id.empty() && asked_app_id != app_id) {
    return {false, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match"};
  }
  return {};
}

HealthAnswer outbound_health(const HostView& host) {
  if (host.outbound_ready()) return {};
  return {false, "ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready"};
}

}  // namespace cleat
