#include "config/resiliency_place.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/document_head.hpp"
#include "config/value_text.hpp"

namespace cleat {

std::string ResiliencyPlace::at(std::size_t line) const {
  return fmt::format("{}:{}: resiliency '{}'", file, line, document);
}

Error ResiliencyPlace::fault(std::size_t line, std::string_view text) const {
  return fail(fmt::format("{}: {}", at(line), text));
}

std::string shown(const YamlNode& node) {
  if (node.is(YamlNode::Kind::list)) return "a list";
  if (node.is(YamlNode::Kind::map)) return "a mapping";
  const std::string text = plain_text(node);
  return text.empty() ? "nothing" : fmt::format("'{}'", text.substr(0, 100));
}

Result<const YamlNode*> mapping_at(const YamlNode& parent, std::string_view key, std::string_view what,
                                   const ResiliencyPlace& place) {
  const YamlNode* node = parent.find(key);
  if (!is_given(node)) node = nullptr;
  if (node == nullptr || node->is(YamlNode::Kind::map)) return node;
  return place.fault(node->line, fmt::format("{}: expected a mapping, found {}", what, shown(*node)));
}

Result<> check_keys(const YamlNode& map, std::span<const std::string_view> known, std::string_view what,
                    const ResiliencyPlace& place) {
  for (const auto& [key, value] : map.members) {
    const auto same = [&name = key](std::string_view other) { return iequals(name, other); };
    if (std::any_of(known.begin(), known.end(), same)) continue;
    const std::string_view meant = nearest_name(key, known);
    return place.fault(
        value.line,
        fmt::format("{}: expected one of {}, found '{}'{}", what, fmt::join(known, ", "), key.substr(0, 100),
                    meant.empty() ? "" : fmt::format(": did you mean '{}'?", meant)));
  }
  return {};
}

}  // namespace cleat
