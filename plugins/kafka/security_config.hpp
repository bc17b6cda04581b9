#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <vector>

namespace cleat::kafka {

/// How the client proves who it is and how it checks the broker.
struct Security {
  bool tls = false;
  bool verify = true;     ///< the broker's certificate and name
  std::string mechanism;  ///< PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; empty: no SASL
  std::string user, password;
  std::string ca, certificate, key;  ///< PEM; empty: the system's roots, no client certificate

  /// The value of librdkafka's security.protocol.
  [[nodiscard]] std::string protocol() const {
    if (mechanism.empty()) return tls ? "ssl" : "plaintext";
    return tls ? "sasl_ssl" : "sasl_plaintext";
  }
};

/// Reads authType and what belongs to it, with the rules and error texts of Dapr's component; an absent
/// authType means "none", or what the older authRequired says. `client_version` is the number of
/// rd_kafka_version(): a client before 2.3 cannot log in with SCRAM to a current broker. Throws
/// Error(CLEAT_INVALID or CLEAT_UNSUPPORTED); no text holds a secret.
Security read_security(const Config& config, int client_version, std::vector<std::string>& warnings);

}  // namespace cleat::kafka
