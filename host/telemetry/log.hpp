#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "telemetry/log_line.hpp"

namespace cleat {

struct LogOptions {
  LogLevel level = LogLevel::info;
  bool as_json = false;
  LogIdentity identity;
  int fd = 1;  ///< where lines go; stays the caller's and must outlive the log
  std::chrono::milliseconds patience_at_end{1000};  ///< for an output that takes nothing when the log ends
};

/// Writes lines from a thread of its own. Callers only enqueue: at 512 waiting lines the oldest is dropped,
/// and one line says how many were as soon as the reader of the output goes on. Only the log's thread ever
/// waits for the output; a closed output loses the lines and nothing else. The destructor writes what is
/// waiting, for one second at most.
class AsyncLog final : public Log {
 public:
  explicit AsyncLog(LogOptions options);
  ~AsyncLog() override;
  AsyncLog(const AsyncLog&) = delete;
  AsyncLog& operator=(const AsyncLog&) = delete;

  using Log::write;
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= options_.level; }
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields) override;

  /// Waits until what was written by now has gone out, for `patience_at_end` at most. For an end without destructors.
  void flush();

  /// How many lines were dropped so far. Any thread.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Impl;

  const LogOptions options_;
  std::unique_ptr<Impl> impl_;
};

/// The name of this machine as the kernel knows it, for LogIdentity::instance.
[[nodiscard]] std::string host_name();

}  // namespace cleat
