#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace cleat::testing {

/// A NATS server in the hands of a test: it says what the test tells it to, and remembers what it was sent. One connection
/// at a time, one thread.
class FakeNats {
 public:
  struct Behaviour {
    std::string info =
        R"({"server_id":"F","version":"2.9.10","headers":true,"max_payload":1048576,"proto":1})";
    bool greets = true;  ///< false: connections are taken, and nothing is said
    /// Called for each line of the client; what it gives is sent.
    std::function<std::string(const std::string& line)> answer = [](const std::string&) {
      return std::string();
    };
  };

  explicit FakeNats(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no port");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  FakeNats(const FakeNats&) = delete;
  FakeNats& operator=(const FakeNats&) = delete;
  ~FakeNats() {
    is_ending_ = true;
    wake();
    thread_.join();
    ::close(listener_);
    ::close(wake_);
  }

  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  /// Ends the connection that there is.
  void cut() {
    is_cutting_ = true;
    wake();
  }
  /// From here on PINGs wait for their answer, or not any more.
  void pong(bool does) {
    pongs_ = does;
    wake();
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] bool has_line(const std::string& part) const {
    for (const std::string& line : lines()) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_, &one, sizeof one));
  }
  void send(const std::string& text) const {
    static_cast<void>(::send(client_, text.data(), text.size(), MSG_NOSIGNAL));
  }

  void run() {
    while (!is_ending_) {
      std::array<pollfd, 3> all{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}, {client_, POLLIN, 0}}};
      ::poll(all.data(), client_ < 0 ? 2 : 3, -1);
      if ((all[1].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        static_cast<void>(::read(wake_, &count, sizeof count));
      }
      if (is_cutting_.exchange(false)) close();
      if (client_ >= 0) send_pongs();
      if (client_ < 0 && (all[0].revents & POLLIN) != 0) accept();
      if (client_ >= 0 && (all[2].revents & (POLLIN | POLLHUP)) != 0 && all[2].fd == client_) receive();
    }
    close();
  }
  void accept() {
    client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int at_once = 1;
    ::setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    ++connections_;
    received_.clear();
    pings_ = 0;
    if (behaviour_.greets) send("INFO " + behaviour_.info + "\r\n");
  }
  void receive() {
    std::array<char, 65536> buffer{};
    const ssize_t size = ::recv(client_, buffer.data(), buffer.size(), 0);
    if (size <= 0) return close();
    received_.append(buffer.data(), static_cast<std::size_t>(size));
    for (std::size_t end = received_.find("\r\n"); end != std::string::npos; end = received_.find("\r\n")) {
      const std::string line = received_.substr(0, end);
      received_.erase(0, end + 2);
      {
        const std::lock_guard lock(mutex_);
        lines_.push_back(line);
      }
      send(behaviour_.answer(line));
      if (line == "PING") ++pings_;
      send_pongs();
    }
  }
  void send_pongs() {
    for (; pongs_ && pings_ > 0; --pings_)
      send("PONG\r\n");
  }
  void close() {
    if (client_ >= 0) ::close(client_);
    client_ = -1;
  }

  const Behaviour behaviour_;
  int listener_ = -1, wake_ = -1, client_ = -1;
  std::uint16_t port_ = 0;
  int pings_ = 0;
  std::string received_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::atomic<bool> is_ending_{false}, is_cutting_{false}, pongs_{true};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

}  // namespace cleat::testing
