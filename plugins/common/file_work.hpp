#pragma once

#include <cleat/plugin.hpp>

#include <functional>
#include <memory>

#include "common/event_loop.hpp"

namespace cleat::common {

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

}  // namespace cleat::common
