#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace cleat::testing {

/// A TCP server in the hands of a test: each connection is served by the test's function, on a thread of its own.
class ScriptedServer {
 public:
  class Connection {
   public:
    Connection(ScriptedServer& server, int descriptor, std::size_t number)
        : number(number), server_(server), descriptor_(descriptor) {}
    const std::size_t number;  ///< 1 for the first one

    /// Up to and with `end`; nothing if the far end closes before.
    std::string read_until(std::string_view end) {
      for (;;) {
        const std::size_t at = held_.find(end);
        if (at != std::string::npos) return take(at + end.size());
        if (!read_more()) return {};
      }
    }
    std::string read_bytes(std::size_t count) {
      while (held_.size() < count) {
        if (!read_more()) return {};
      }
      return take(count);
    }
    void write(std::string_view text) {
      while (!text.empty()) {
        const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    /// What comes until the far end closes.
    std::string read_all() {
      while (read_more()) {
      }
      return take(held_.size());
    }
    /// Adds a line to what the test sees.
    void note(std::string line) { server_.note(std::move(line)); }

   private:
    bool read_more() {
      char bytes[4096];
      const ssize_t got = ::recv(descriptor_, bytes, sizeof bytes, 0);
      if (got > 0) held_.append(bytes, static_cast<std::size_t>(got));
      return got > 0;
    }
    std::string take(std::size_t count) {
      std::string taken = held_.substr(0, count);
      held_.erase(0, count);
      return taken;
    }
    ScriptedServer& server_;
    int descriptor_;
    std::string held_;
  };
  using Serve = std::function<void(Connection&)>;

  explicit ScriptedServer(Serve serve, const char* address = "127.0.0.1")
      : serve_(std::move(serve)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &where.sin_addr);
    socklen_t size = sizeof where;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(listener_, 256) != 0)
      throw std::runtime_error("no port to listen on");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int descriptor : open_)
        ::shutdown(descriptor, SHUT_RDWR);
      released_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_)
      thread.join();
    ::close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
  }
  [[nodiscard]] std::vector<std::string> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  [[nodiscard]] std::size_t count(std::string_view part) const {
    const std::vector<std::string> all = notes();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    }));
  }
  void note(std::string line) {
    {
      const std::lock_guard lock(mutex_);
      notes_.push_back(std::move(line));
    }
    changed_.notify_all();
  }
  /// Until `count` notes with `part` are there, or the server ends.
  void wait_for(std::string_view part, std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return released_ || static_cast<std::size_t>(
                              std::count_if(notes_.begin(), notes_.end(), [&](const std::string& line) {
                                return line.find(part) != std::string::npos;
                              })) >= count;
    });
  }

 private:
  void accept_all() {
    for (;;) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      const std::lock_guard lock(mutex_);
      open_.push_back(descriptor);
      threads_.emplace_back([this, descriptor, number = ++connections_] {
        Connection connection(*this, descriptor, number);
        serve_(connection);
        const std::lock_guard guard(mutex_);
        open_.erase(std::find(open_.begin(), open_.end(), descriptor));
        ::close(descriptor);
      });
    }
  }

  const Serve serve_;
  const int listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::size_t connections_ = 0;
  bool released_ = false;
  std::thread acceptor_;
};

}  // namespace cleat::testing
