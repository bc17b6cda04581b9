#pragma once

#include <cleat/plugin.hpp>

namespace cleat::common {

/// Hands one event to the host. CLEAT_OK: the host has it and its data. Otherwise the data is freed, and the status is that of
/// the host.
inline cleat_status deliver_one(const Host& host, cleat_event& event) {
  cleat_event* const events[] = {&event};
  std::uint32_t accepted = 0;
  const cleat_status status = host.deliver(events, 1, accepted);
  if (accepted == 1) return CLEAT_OK;
  const Buffer mine(event.data);
  return status;
}

}  // namespace cleat::common
