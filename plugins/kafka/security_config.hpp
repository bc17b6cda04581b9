#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <vector>

#include "common/kafka/settings.hpp"

namespace cleat::kafka {

/// Reads authType and what belongs to it, with the rules and error texts of Dapr's component; an absent
/// authType means "none", or what the older authRequired says. `client_version` is the number of
/// rd_kafka_version(): a client before 2.3 cannot log in with SCRAM to a current broker. Throws
/// Error(CLEAT_INVALID or CLEAT_UNSUPPORTED); no text holds a secret.
Security read_security(const Config& config, int client_version, std::vector<std::string>& warnings);

}  // namespace cleat::kafka
