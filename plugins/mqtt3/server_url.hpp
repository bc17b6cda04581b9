#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cleat::mqtt {

/// Where the broker is.
struct Server {
  std::string host;  ///< a name or an address, IPv6 without brackets
  std::uint16_t port = 1883;
  bool tls = false;
  std::optional<std::string> user, password;

  /// host:port for people; never the user.
  [[nodiscard]] std::string name() const;
};

/// Reads `url`: scheme://[user[:password]@]host[:port]. Schemes: tcp, mqtt; ssl, tls, mqtts, tcps. Throws Error whose text never
/// has any of the part before the @.
Server read_server(std::string_view url);

}  // namespace cleat::mqtt
