#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cleat::common {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  std::string text;  ///< numeric, without the port
};

struct Addresses {
  std::vector<Address> addresses;
  std::string error;  ///< why there are none
};

/// The addresses of a host that is given as a number; asks nobody.
Addresses numeric_addresses(const std::string& host, std::uint16_t port);

/// The addresses of a host, in the order to try them. Asks the system's resolver, which may take half a minute to give
/// up: not for a thread that others wait for.
Addresses look_up(const std::string& host, std::uint16_t port);

}  // namespace cleat::common
