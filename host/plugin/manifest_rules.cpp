#include "plugin/manifest_rules.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/text.hpp"

namespace cleat {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Cuts leading digits off; false if there are none.
bool take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count > 0;
}

/// The next number of a dotted version, and its dot. 0 at the end; a number too large to matter counts as the
/// largest.
std::int64_t take_number(std::string_view& text) {
  const std::string_view before = text;
  if (!take_digits(text)) return 0;
  const auto number = parse_integer(before.substr(0, before.size() - text.size()));
  if (text.starts_with('.')) text.remove_prefix(1);
  return number.value_or(std::numeric_limits<std::int64_t>::max());
}

/// "rc.1" of "-rc.1+build": what comes after the build's '+' says nothing about age.
std::string_view stage_of(std::string_view rest) {
  if (!rest.starts_with('-')) return {};
  rest.remove_prefix(1);
  return rest.substr(0, rest.find('+'));
}

bool is_number(std::string_view text) {
  return take_digits(text) && text.empty();
}

int sign(int comparison) {
  return comparison < 0 ? -1 : static_cast<int>(comparison > 0);
}

int compare_stages(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view left = a.substr(0, a.find('.'));
    const std::string_view right = b.substr(0, b.find('.'));
    a.remove_prefix(std::min(a.size(), left.size() + 1));
    b.remove_prefix(std::min(b.size(), right.size() + 1));
    if (left == right) continue;
    const bool numbers = is_number(left) && is_number(right);
    if (numbers && left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
    if (!numbers && is_number(left) != is_number(right)) return is_number(left) ? -1 : 1;
    return sign(left.compare(right));
  }
  return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
}

struct AbiVersion {
  std::int64_t major, minor;
  auto operator<=>(const AbiVersion&) const = default;
};

std::optional<AbiVersion> parse_abi(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = parse_integer(text.substr(0, dot));
  const auto minor = parse_integer(text.substr(dot + 1));
  if (!major || !minor || *major < 0 || *minor < 0) return std::nullopt;
  return AbiVersion{*major, *minor};
}

}  // namespace

bool is_type_name(std::string_view name) {
  constexpr std::string_view kPrefix = "bindings.";
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  if (name.empty() || name.front() == '.' || name.back() == '.') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_type_version(std::string_view text) {
  if (!text.starts_with('v')) return false;
  text.remove_prefix(1);
  if (!take_digits(text)) return false;
  if (text.empty()) return true;
  for (const std::string_view stage : {"alpha", "beta"}) {
    if (!text.starts_with(stage)) continue;
    text.remove_prefix(stage.size());
    return take_digits(text) && text.empty();
  }
  return false;
}

bool is_plugin_version(std::string_view text) {
  for (int numbers = 1; numbers <= 4; ++numbers) {
    if (!take_digits(text)) return false;
    if (text.empty() || text.front() == '-' || text.front() == '+') return text.size() != 1;
    if (text.front() != '.') return false;
    text.remove_prefix(1);
  }
  return false;
}

AbiCheck check_abi(std::string_view abi) {
  constexpr AbiVersion kOurs{CLEAT_ABI_MAJOR, CLEAT_ABI_MINOR};
  const std::string ours = fmt::format("{}.{}", kOurs.major, kOurs.minor);
  if (abi == ours) return {};
  const auto found = parse_abi(abi);
  if (!found || *found == kOurs) {
    return {false, fmt::format("\"abi\" must be the interface version \"{}\", not \"{}\"", ours, abi)};
  }
  const bool newer = *found > kOurs;
  return {true,
          fmt::format(
              "expected interface version {}, found {}, which is {}, and until the interface is frozen they "
              "must be "
              "equal: {}",
              ours, abi, newer ? "newer" : "older",
              newer ? "use a newer host or an older build of the plugin"
                    : "use a newer build of the plugin, or build it again with this host's cleat/plugin.h")};
}

int compare_plugin_versions(std::string_view a, std::string_view b) {
  for (int numbers = 0; numbers < 4; ++numbers) {
    const std::int64_t left = take_number(a);
    const std::int64_t right = take_number(b);
    if (left != right) return left < right ? -1 : 1;
  }
  // A version without a stage is the finished one.
  const std::string_view left = stage_of(a);
  const std::string_view right = stage_of(b);
  if (left.empty() || right.empty()) return static_cast<int>(left.empty()) - static_cast<int>(right.empty());
  return compare_stages(left, right);
}

}  // namespace cleat
