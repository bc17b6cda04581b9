#pragma once

#include <cleat/plugin.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace cleat::conformance {

/// One line of JSON on its way out. Members keep the order in which they are added.
class Line {
 public:
  Line& text(std::string_view key, std::string_view value);
  /// Any bytes, as base64.
  Line& bytes(std::string_view key, std::string_view value);
  Line& number(std::string_view key, std::int64_t value);
  /// Pairs, because a name may come twice.
  Line& map(std::string_view key, const cleat_map& map);
  [[nodiscard]] std::string finish() && { return std::move(text_) + "}\n"; }

 private:
  void key(std::string_view name);
  std::string text_ = "{";
};

/// Writes lines to standard output, whole ones, from any thread.
class Reporter {
 public:
  void say(Line line);
  /// What breaks the contract of plugin.h, in words.
  void violation(std::string_view what);

 private:
  std::mutex mutex_;
};

}  // namespace cleat::conformance
