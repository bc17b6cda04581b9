#include "sink_binding.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "line.hpp"

namespace cleat::sink {

SinkBinding::~SinkBinding() {
  if (file_ >= 0) ::close(file_);
}

void SinkBinding::init(const Config& config) {
  path_ = config.text("file");
  down_path_ = config.text("down");
  max_bytes_ = config.size("maxBytes");
  if (path_.empty()) throw Error(CLEAT_INVALID, "file: expected the path of a file, found nothing");
}

void SinkBinding::start(Deadline /*deadline*/) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) {
    throw Error(CLEAT_INVALID, "file: cannot open '" + path_ +
                                   "' for writing: " + std::generic_category().message(errno) +
                                   "; give a path in a folder that exists and is writable");
  }
}

void SinkBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create") throw Error(CLEAT_UNSUPPORTED, "bindings.sink offers create");
  if (!down_path_.empty() && ::access(down_path_.c_str(), F_OK) == 0) {
    throw Error(CLEAT_UNAVAILABLE, "down: '" + down_path_ + "' is there; it is taken away to end this",
                CLEAT_RETRYABLE);
  }
  if (max_bytes_ != 0 && request.data().size() > max_bytes_) {
    throw Error(CLEAT_TOO_LARGE, "maxBytes: " + std::to_string(request.data().size()) +
                                     " bytes of data, allowed are " + std::to_string(max_bytes_));
  }
  append(compact(request.data()) + '\t' + to_json(request.raw().metadata) + '\n');
  call.complete();
}

/// With one write, so that lines of several writers do not mix. After a part of a line the next one begins a
/// line of its own.
void SinkBinding::append(std::string line) {
  if (cut_) line.insert(line.begin(), '\n');
  ssize_t written = 0;
  do {
    written = ::write(file_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) {
    cut_ = false;
    return;
  }
  cut_ = cut_ || written > 0;
  const std::string why = written < 0 ? std::generic_category().message(errno) : "only a part was written";
  throw Error(CLEAT_UNAVAILABLE, "file: cannot write '" + path_ + "': " + why, CLEAT_RETRYABLE);
}

}  // namespace cleat::sink
