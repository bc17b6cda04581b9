#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <functional>
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

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

  void write_line(std::string_view text);
  bool wait_until_writable();

  const int fd_;
  const std::function<std::string(std::size_t)> format_lost_;
  std::function<std::size_t()> lost_;
  std::size_t reported_ = 0;
  std::string buffer_;
  std::atomic<std::chrono::steady_clock::rep> deadline_{0};  ///< 0: none
};

}  // namespace cleat
