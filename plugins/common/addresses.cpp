#include "common/addresses.hpp"

#include <netdb.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

namespace cleat::common {
namespace {

struct Free {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::string reason_of(int error) {
  return error == EAI_SYSTEM ? std::generic_category().message(errno) : std::string(::gai_strerror(error));
}

Addresses ask(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw);
  const std::unique_ptr<addrinfo, Free> list(raw);
  Addresses answer;
  if (error != 0) {
    answer.error = "the name '" + host + "' cannot be resolved: " + reason_of(error);
    return answer;
  }
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    Address address;
    std::memcpy(&address.bytes, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
      address.text = text.data();
    answer.addresses.push_back(std::move(address));
  }
  return answer;
}

}  // namespace

Addresses numeric_addresses(const std::string& host, std::uint16_t port) {
  return ask(host, port, AI_NUMERICHOST);
}

Addresses look_up(const std::string& host, std::uint16_t port) {
  return ask(host, port, AI_ADDRCONFIG);
}

}  // namespace cleat::common
