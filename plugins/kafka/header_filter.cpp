#include "header_filter.hpp"

#include <cleat/plugin.hpp>

namespace cleat::kafka {
namespace {

constexpr std::size_t kMostKnown = 1'000;
// std::regex recurses once per character: a longer name could exhaust the stack.
constexpr std::size_t kLongestName = 1'024;

}  // namespace

HeaderFilter::HeaderFilter(const std::string& pattern) : active_(!pattern.empty()) {
  if (!active_) return;
  const bool any_case = pattern.compare(0, 4, "(?i)") == 0;
  auto flags = std::regex::ECMAScript | std::regex::optimize;
  if (any_case) flags |= std::regex::icase;
  try {
    pattern_ = std::regex(any_case ? pattern.substr(4) : pattern, flags);
  } catch (const std::regex_error& error) {
    throw Error(CLEAT_INVALID, "kafka error: excludeHeaderMetaRegex is no regular expression: " +
                                   std::string(error.what()) + ", found '" + pattern + "'");
  }
}

bool HeaderFilter::excludes(std::string_view name) {
  if (!active_ || name.size() > kLongestName) return false;
  const std::string key(name);
  const auto place = known_.find(key);
  if (place != known_.end()) return place->second;
  const bool found = std::regex_search(key, pattern_);
  if (known_.size() < kMostKnown) known_.emplace(key, found);
  return found;
}

std::string query_escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace cleat::kafka
