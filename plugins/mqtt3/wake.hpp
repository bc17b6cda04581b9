#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace cleat::mqtt {

/// Wakes a thread that polls fd(). notify() may be called on any thread and under any lock.
class Wake {
 public:
  Wake() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake() { ::close(fd_); }

  void notify() const {
    const std::uint64_t one = 1;
    // It fails only when it is set already, many times over.
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  /// Takes it back, before looking at what it was notified of.
  void clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t found = ::read(fd_, &count, sizeof count);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace cleat::mqtt
