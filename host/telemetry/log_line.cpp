#include "telemetry/log_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/json.hpp"
#include "base/loop.hpp"

namespace cleat {
namespace {

constexpr std::size_t kMaxValue = 4096;
constexpr std::string_view kOwnKeys[] = {"time",     "level", "msg",  "app_id",
                                         "instance", "scope", "type", "ver"};

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "info";
}

// RFC 3339 with nanoseconds, in UTC.
std::string format_time(std::uint64_t wall_ns) {
  const auto seconds = static_cast<std::time_t>(wall_ns / kSecond);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, wall_ns % kSecond);
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What logrus, daprd's logger, leaves without quotes.
bool is_plain(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("-._/@^+").find(c) != std::string_view::npos;
  });
}

// A key that can stand in a line and does not hide one of ours.
std::string safe_key(std::string_view key) {
  std::string safe(key.substr(0, 128));
  std::replace_if(
      safe.begin(), safe.end(),
      [](char c) { return !is_letter_or_digit(c) && c != '_' && c != '-' && c != '.'; }, '_');
  const bool taken = std::find(std::begin(kOwnKeys), std::end(kOwnKeys), safe) != std::end(kOwnKeys);
  return taken || safe.empty() ? "fields." + safe : safe;
}

class Line {
 public:
  explicit Line(bool as_json) : as_json_(as_json) { text_ = as_json ? "{" : ""; }

  void add(std::string_view key, std::string_view value, bool always_quoted = false) {
    if (text_.size() > 1) text_.push_back(as_json_ ? ',' : ' ');
    if (as_json_) {
      json::append_string(text_, key);
      text_.push_back(':');
    } else {
      text_.append(key).push_back('=');
    }
    if (!as_json_ && !always_quoted && is_plain(value)) {
      text_.append(value.substr(0, kMaxValue));
    } else if (value.size() <= kMaxValue) {
      json::append_string(text_, value);
    } else {
      json::append_string(text_, fmt::format("{}... ({} bytes)", cut(value), value.size()));
    }
  }

  [[nodiscard]] std::string take() {
    if (as_json_) text_.push_back('}');
    return std::move(text_);
  }

 private:
  // Not through the middle of a UTF-8 character.
  static std::string_view cut(std::string_view value) {
    std::size_t end = kMaxValue;
    while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U)
      --end;
    return value.substr(0, end);
  }

  bool as_json_;
  std::string text_;
};

}  // namespace

std::string format_log_line(bool as_json, const LogIdentity& identity, std::uint64_t wall_ns, LogLevel level,
                            std::string_view message, std::span<const LogField> fields) {
  Line line(as_json);
  line.add("time", format_time(wall_ns), true);
  line.add("level", level_name(level));
  line.add("msg", message, true);
  line.add("app_id", identity.app_id);
  line.add("instance", identity.instance);
  line.add("scope", "cleat");
  line.add("type", "log");
  line.add("ver", identity.version);
  for (const LogField& field : fields)
    line.add(safe_key(field.key), field.value);
  return line.take();
}

}  // namespace cleat
