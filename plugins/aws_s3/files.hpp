#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/event_loop.hpp"

namespace cleat::s3 {

/// A file that is open for reading.
class File {
 public:
  /// A path below `folder`, or, without one, any path. Throws Error that says why it cannot be read. It may block.
  File(const std::string& folder, const std::string& path);
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Throws Error if so many bytes are not there. It may block.
  [[nodiscard]] std::string read(std::uint64_t from, std::uint64_t count) const;

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// Makes or replaces a file, whole or not at all. Throws Error. It may block.
void write_file(const std::string& folder, const std::string& path, std::string_view bytes);

/// Work on files, which may block, in the host's pool; what comes of it is told on the loop.
class FileWork {
 public:
  FileWork(Host host, common::EventLoop& loop) : host_(host), loop_(loop) {}

  /// `done` is called with what `task` returned or with why there is nothing; never, once the loop has stopped.
  template <class T>
  void run(std::function<T()> task, std::function<void(T* result, const Error* error)> done) const {
    struct Result {
      std::unique_ptr<T> value;
      std::unique_ptr<Error> error;
    };
    const auto result = std::make_shared<Result>();
    const auto tell = [&loop = loop_, result, done = std::move(done)] {
      loop.post([result, done] { done(result->value.get(), result->error.get()); });
    };
    const cleat_status status = host_.post(
        [result, tell, task = std::move(task)](bool is_cancelled) {
          if (is_cancelled) return;
          try {
            result->value = std::make_unique<T>(task());
          } catch (const Error& error) {
            result->error = std::make_unique<Error>(error);
          }
          tell();
        },
        0, CLEAT_POST_BLOCKING);
    if (status == CLEAT_OK) return;
    result->error = std::make_unique<Error>(
        CLEAT_THROTTLED, "too many files are waiting to be read or written", CLEAT_RETRYABLE);
    tell();
  }

 private:
  Host host_;
  common::EventLoop& loop_;
};

}  // namespace cleat::s3
