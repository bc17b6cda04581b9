#include "cli/values.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace cleat {

Result<std::int64_t> integer_value(std::string_view text, std::int64_t least, std::int64_t most) {
  const auto value = parse_integer(text);
  if (value && *value >= least && *value <= most) return *value;
  return fail(fmt::format("expected a whole number from {} to {}, found \"{}\"", least, most, text));
}

Result<std::uint16_t> port_value(std::string_view text) {
  const auto value = parse_integer(text);
  if (value && *value >= 0 && *value <= 65535) return static_cast<std::uint16_t>(*value);
  return fail(fmt::format("expected a port from 0 to 65535, found \"{}\"", text));
}

Result<bool> bool_value(std::string_view text) {
  const auto is_one_of = [text](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (is_one_of({"1", "t", "T", "true", "TRUE", "True"})) return true;
  if (is_one_of({"0", "f", "F", "false", "FALSE", "False"})) return false;
  return fail(fmt::format("expected true or false, found \"{}\"", text));
}

Result<LogLevel> log_level_value(std::string_view text) {
  const std::string word = to_lower(text);
  if (word == "debug" || word == "trace") return LogLevel::debug;
  if (word == "info") return LogLevel::info;
  if (word == "warn" || word == "warning") return LogLevel::warn;
  if (word == "error" || word == "fatal") return LogLevel::error;
  return fail(fmt::format("expected debug, info, warn, error or fatal, found \"{}\"", text));
}

}  // namespace cleat
