#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace cleat::testing {

/// A log that keeps what was written to it, for tests to look at. Any thread.
class RecordingLog final : public Log {
 public:
  struct Line {
    LogLevel level = LogLevel::info;
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields;

    /// The value of the field, or nothing when the line has no such field.
    [[nodiscard]] std::string field(std::string_view key) const {
      for (const auto& [name, value] : fields) {
        if (name == key) return value;
      }
      return {};
    }
  };

  explicit RecordingLog(LogLevel level = LogLevel::trace) : level_(level) {}

  using Log::write;
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= level_; }
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields) override {
    Line line{level, std::string(message), {}};
    for (const LogField& field : fields)
      line.fields.emplace_back(field.key, field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }

  [[nodiscard]] std::vector<Line> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// How many lines of at least this level contain the text in their message.
  [[nodiscard]] std::size_t count(std::string_view text, LogLevel at_least = LogLevel::trace) const {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (const Line& line : lines_)
      found += line.level >= at_least && line.message.find(text) != std::string::npos;
    return found;
  }
  [[nodiscard]] bool contains(std::string_view text) const { return count(text) != 0; }
  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  const LogLevel level_;
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace cleat::testing
