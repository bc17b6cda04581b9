#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace cleat {

/// Writes finished lines to a descriptor. Used by the log's thread only, so without a lock.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  /// `format_lost` makes the line that tells of `n` lost ones.
  FdSink(int fd, std::function<std::string(std::size_t n)> format_lost)
      : fd_(fd), format_lost_(std::move(format_lost)) {}

  /// How many lines were lost before they came here. Set once before the first line.
  void count_lost_with(std::function<std::size_t()> lost) { lost_ = std::move(lost); }
  /// From now on the sink waits no longer than `patience` in all. Any thread.
  void hurry(std::chrono::steady_clock::duration patience) {
    deadline_.store((std::chrono::steady_clock::now() + patience).time_since_epoch().count());
  }

  /// Asks for a flush with `ask` and waits until the log's thread has come to it, for `patience` at most. Any thread.
  void flush_with(const std::function<void()>& ask, std::chrono::steady_clock::duration patience) {
    std::unique_lock lock(flushed_mutex_);
    const std::uint32_t before = flushed_;
    ask();
    flushed_changed_.wait_for(lock, patience, [&] { return flushed_ != before; });
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {
    const std::lock_guard lock(flushed_mutex_);
    ++flushed_;
    flushed_changed_.notify_all();
  }

  void write_line(std::string_view text);
  bool wait_until_writable();

  const int fd_;
  const std::function<std::string(std::size_t)> format_lost_;
  std::function<std::size_t()> lost_;
  std::size_t reported_ = 0;
  std::string buffer_;
  std::mutex flushed_mutex_;
  std::condition_variable flushed_changed_;
  std::uint32_t flushed_ = 0;
  std::atomic<std::chrono::steady_clock::rep> deadline_{0};  ///< 0: none
};

}  // namespace cleat
