#include "cli/wait.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>

namespace cleat {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(100);
constexpr auto kPatience = std::chrono::seconds(60);

/// One question, two seconds at most.
bool is_outbound_healthy(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const timeval limit{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr std::string_view kQuestion =
      "GET /v1.0/healthz/outbound HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  constexpr std::string_view kWell = "HTTP/1.1 204";
  std::array<char, 12> answer{};
  const bool well =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send(fd, kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kQuestion.size()) &&
      recv(fd, answer.data(), answer.size(), MSG_WAITALL) == static_cast<ssize_t>(answer.size()) &&
      std::string_view(answer.data(), answer.size()) == kWell;
  close(fd);
  return well;
}

}  // namespace

int wait_for_outbound_health(const Options& options) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!is_outbound_healthy(options.http_port)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      std::fputs(
          fmt::format("no host on port {} became outbound-healthy within 60 s\n", options.http_port).c_str(),
          stderr);
      return 1;
    }
    std::this_thread::sleep_for(kAskEvery);
  }
  return 0;
}

}  // namespace cleat
