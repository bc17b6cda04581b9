#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace cleat::testing {

/// A blocking TCP socket that sends and receives exactly what a test says. Every wait ends after thirty seconds
/// with an error.
class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(int fd) : fd_(fd) {
    const timeval limit{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int yes = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  RawSocket(RawSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), buffered_(std::move(other.buffered_)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(buffered_, other.buffered_);
    return *this;
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  ~RawSocket() { close(); }

  static RawSocket connect(std::uint16_t port) {
    RawSocket socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = loopback(port);
    if (::connect(socket.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
    return socket;
  }

  /// False: the other side does not take it any more.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Bytes up to and with `end`; what came behind it is kept for the next call. Shorter if the other side
  /// closed first.
  std::string read_until(std::string_view end) {
    for (;;) {
      const std::size_t at = buffered_.find(end);
      if (at != std::string::npos) return take(at + end.size());
      if (!receive()) return take(buffered_.size());
    }
  }
  std::string read_exactly(std::size_t size) {
    while (buffered_.size() < size && receive()) {
    }
    return take(std::min(size, buffered_.size()));
  }
  /// Everything up to the end of the stream.
  std::string read_all() {
    while (receive()) {
    }
    return take(buffered_.size());
  }
  /// Whether the other side has closed, properly or not. Waits for it.
  bool is_closed_by_peer() { return buffered_.empty() && !receive() && !timed_out_; }

  void shut_down_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Closes with a reset.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

 private:
  bool receive() {
    char bytes[16384];
    const ssize_t received = ::recv(fd_, bytes, sizeof bytes, 0);
    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) timed_out_ = true;
    if (received <= 0) return false;
    buffered_.append(bytes, static_cast<std::size_t>(received));
    return true;
  }
  std::string take(std::size_t size) {
    std::string out = buffered_.substr(0, size);
    buffered_.erase(0, size);
    return out;
  }

  int fd_ = -1;
  std::string buffered_;
  bool timed_out_ = false;
};

/// A listening socket on an ephemeral loopback port.
class RawListener {
 public:
  RawListener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = RawSocket::loopback(0);
    socklen_t size = sizeof address;
    const timeval limit{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, 64) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("listen");
    }
    port_ = ntohs(address.sin_port);
  }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  ~RawListener() { close(); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  RawSocket accept() {
    const int fd = ::accept(fd_, nullptr, nullptr);
    if (fd < 0) throw std::runtime_error("nobody connected");
    return RawSocket(fd);
  }
  /// Whether a further connection is waiting now. It is taken and closed.
  [[nodiscard]] bool has_connection() const {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 0) <= 0) return false;
    ::close(::accept(fd_, nullptr, nullptr));
    return true;
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

/// One HTTP message read off a socket: framed by Content-Length, which is all that our server sends.
struct RawMessage {
  std::string head, body;

  [[nodiscard]] int status() const { return head.size() > 12 ? std::atoi(head.c_str() + 9) : 0; }
  /// The value of the header, compared without case; "-" if there is none.
  [[nodiscard]] std::string header(std::string_view name) const {
    std::size_t line = head.find("\r\n");
    while (line != std::string::npos && line + 2 < head.size()) {
      const std::size_t begin = line + 2;
      line = head.find("\r\n", begin);
      const std::string text = head.substr(begin, line - begin);
      if (text.size() > name.size() && text[name.size()] == ':' &&
          ::strncasecmp(text.data(), name.data(), name.size()) == 0) {
        return text.substr(text.find_first_not_of(' ', name.size() + 1));
      }
    }
    return "-";
  }

  static RawMessage read(RawSocket& socket, bool has_body = true) {
    RawMessage message;
    message.head = socket.read_until("\r\n\r\n");
    const std::string length = message.header("content-length");
    if (has_body && length != "-")
      message.body = socket.read_exactly(static_cast<std::size_t>(std::atoll(length.c_str())));
    return message;
  }
};

}  // namespace cleat::testing
