#pragma once

#include "cli/options.hpp"

namespace cleat {

/// --wait: asks the host on this machine's --dapr-http-port for its outbound health every 100 ms until it is
/// well, for 60 s at most. The process's exit code. Blocks.
int wait_for_outbound_health(const Options& options);

}  // namespace cleat
