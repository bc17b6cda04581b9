#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/yaml.hpp"

namespace cleat {

/// Which Resiliency document a value stands in, for messages.
struct ResiliencyPlace {
  std::string file, document;

  /// "file:line: resiliency 'r1'".
  [[nodiscard]] std::string at(std::size_t line) const;
  [[nodiscard]] Error fault(std::size_t line, std::string_view text) const;
};

/// "'5x'", "a list", "nothing" for messages.
std::string shown(const YamlNode& node);

/// The mapping under a key; nullptr: not given. The error: it is something else.
Result<const YamlNode*> mapping_at(const YamlNode& parent, std::string_view key, std::string_view what,
                                   const ResiliencyPlace& place);

/// Every key must be one of `known`, without regard to case: a slip would change what becomes of an event.
Result<> check_keys(const YamlNode& map, std::span<const std::string_view> known, std::string_view what,
                    const ResiliencyPlace& place);

}  // namespace cleat
