#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cleat::kafka {

/// Which names excludeHeaderMetaRegex keeps from being copied between metadata and record headers. Answers
/// are remembered for the first 1,000 names. Not thread-safe.
class HeaderFilter {
 public:
  HeaderFilter() = default;
  /// An empty pattern excludes nothing. Searched anywhere in the name, as Go does; written as ECMAScript,
  /// which for names of headers is the same as Go's syntax, with (?i) in front for "any case". Throws Error
  /// for a bad pattern.
  explicit HeaderFilter(const std::string& pattern);
  [[nodiscard]] bool excludes(std::string_view name);

 private:
  bool active_ = false;
  std::regex pattern_;
  std::unordered_map<std::string, bool> known_;
};

/// As Go's url.QueryEscape.
std::string query_escape(std::string_view text);

}  // namespace cleat::kafka
