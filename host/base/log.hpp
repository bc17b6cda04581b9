#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace cleat {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

struct LogField {
  std::string_view key, value;
};

/// Where lines go. Any thread; never blocks: at its bound the oldest lines are dropped and counted. Everything is copied.
/// Quiet when well; a warning names the component, what was tried and the next step; never a payload, never a secret.
class Log {
 public:
  virtual ~Log() = default;

  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view message, std::span<const LogField> fields) = 0;

  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(level)) write(level, message, std::span<const LogField>(fields.begin(), fields.size()));
  }
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, message, fields);
  }
};

}  // namespace cleat
