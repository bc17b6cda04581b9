#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "frame_reader.hpp"

namespace cleat::mqtt::as_broker {

constexpr std::chrono::milliseconds kDeadline{30'000};

inline bool is_ready(int fd, short events, std::chrono::milliseconds limit) {
  pollfd one{fd, events, 0};
  return ::poll(&one, 1, static_cast<int>(limit.count())) > 0;
}

struct Received {
  unsigned first = 0;  ///< 0: the connection ended
  std::string body;
  [[nodiscard]] unsigned type() const { return first >> 4U; }
};

/// One client's connection, in the hands of a test.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), frames_(std::move(other.frames_)) {}
  Peer& operator=(Peer&&) = delete;
  ~Peer() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the client does not take what it is sent");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// The next packet; nothing if none comes within the limit.
  std::optional<Received> read(std::chrono::milliseconds limit = kDeadline) {
    for (;;) {
      Frame frame;
      if (frames_.peek(frame) == FrameReader::Found::frame) {
        Received received{frame.first, std::string(frame.body)};
        frames_.pop();
        return received;
      }
      if (!is_ready(fd_, POLLIN, limit)) return std::nullopt;
      std::array<char, 4096> bytes{};
      const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
      if (count <= 0) return Received{};
      frames_.append({bytes.data(), static_cast<std::size_t>(count)});
    }
  }

 private:
  int fd_;
  FrameReader frames_{1 << 20};
};

/// A loopback port that clients connect to.
class Broker {
 public:
  Broker() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (fd_ < 0 || ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, 16) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no port to listen on");
    port_ = ::ntohs(address.sin_port);
  }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker() { ::close(fd_); }
  [[nodiscard]] std::string url() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  /// The next connection; throws if none comes within the limit.
  [[nodiscard]] Peer accept() const {
    if (!is_ready(fd_, POLLIN, kDeadline)) throw std::runtime_error("no client came");
    return Peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  }
  [[nodiscard]] bool is_asked(std::chrono::milliseconds limit) const { return is_ready(fd_, POLLIN, limit); }

 private:
  int fd_;
  unsigned port_ = 0;
};

}  // namespace cleat::mqtt::as_broker
