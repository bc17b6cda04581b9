#include "policy/code_set.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace cleat {
namespace {

struct Bounds {
  unsigned least, most;
};

std::string cut(std::string_view text) {
  return text.size() <= 40 ? std::string(text) : fmt::format("{}...", text.substr(0, 40));
}

Result<unsigned> read_code(std::string_view text, std::string_view part, Bounds bounds) {
  const bool is_digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  const auto code = is_digits ? parse_integer(text) : std::nullopt;
  if (code && *code >= bounds.least && *code <= bounds.most) return static_cast<unsigned>(*code);
  const std::string in_part = text == part ? std::string() : fmt::format(" in '{}'", cut(part));
  return fail(fmt::format("expected a code from {} to {}, found '{}'{}", bounds.least, bounds.most, cut(text),
                          in_part));
}

Result<std::pair<unsigned, unsigned>> read_part(std::string_view part, Bounds bounds) {
  const auto dash = part.find('-');
  const auto first = read_code(trim(part.substr(0, dash)), part, bounds);
  if (!first) return first.error();
  if (dash == std::string_view::npos) return std::pair(*first, *first);
  const auto last = read_code(trim(part.substr(dash + 1)), part, bounds);
  if (!last) return last.error();
  if (*first <= *last) return std::pair(*first, *last);
  return fail(fmt::format("expected the smaller code of a range first, found '{}': write {}-{}", part, *last,
                          *first));
}

}  // namespace

Result<CodeSet> CodeSet::parse(std::string_view text, unsigned least, unsigned most) {
  CodeSet set;
  const std::vector<std::string> parts = split_list(text);
  if (parts.empty() && !trim(text).empty())
    return fail(fmt::format("expected codes such as 429,500-599, found '{}'", cut(text)));
  for (const std::string& part : parts) {
    const auto range = read_part(part, {least, most});
    if (!range) return range.error();
    set.ranges_.push_back(*range);
  }
  return set;
}

bool CodeSet::contains(unsigned code) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [code](const auto& range) { return range.first <= code && code <= range.second; });
}

}  // namespace cleat
