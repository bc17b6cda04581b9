#include "telemetry/fd_sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace cleat {
namespace {

// How often a wait for a full pipe looks whether the process is stopping.
constexpr int kLookMs = 100;
constexpr std::size_t kKeptBuffer = 16 << 10;

}  // namespace

void FdSink::sink_it_(const spdlog::details::log_msg& message) {
  if (const std::size_t lost = lost_ ? lost_() : 0; lost > reported_) {
    write_line(format_lost_(lost - reported_));
    reported_ = lost;
  }
  write_line({message.payload.data(), message.payload.size()});
}

// A pipe that poll() calls writable takes PIPE_BUF bytes at once, so write() does not block. The descriptor
// itself is not made non-blocking: it may be shared with other processes, such as the shell that started us.
void FdSink::write_line(std::string_view text) {
  buffer_.assign(text).push_back('\n');
  for (std::string_view rest = buffer_; !rest.empty();) {
    if (!wait_until_writable()) break;
    const ssize_t written = ::write(fd_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (written > 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || (errno != EINTR && errno != EAGAIN)) {
      break;
    }
  }
  if (buffer_.capacity() > kKeptBuffer) std::string().swap(buffer_);
}

// False when the output is gone or the time is up.
bool FdSink::wait_until_writable() {
  if (fd_ < 0) return false;  // poll() would wait for it without end
  for (;;) {
    const auto deadline = deadline_.load();
    const bool late =
        deadline != 0 && std::chrono::steady_clock::now().time_since_epoch().count() >= deadline;
    pollfd output{fd_, POLLOUT, 0};
    const int ready = ::poll(&output, 1, late ? 0 : kLookMs);
    if (ready > 0) return (output.revents & POLLOUT) != 0 && (output.revents & (POLLERR | POLLNVAL)) == 0;
    if (late || (ready < 0 && errno != EINTR)) return false;
  }
}

}  // namespace cleat
