#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cleat {

/// One value of a YAML document. A mapping keeps its order; aliases and merge keys ("<<") are already
/// resolved.
struct YamlNode {
  struct Member;
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  bool plain = false;    ///< scalar: written without quotes, block mark or tag, so that `5` may mean a number
  std::string text;      ///< scalar
  std::size_t line = 0;  ///< in the file, from 1
  std::size_t nodes = 1;  ///< this one and all below
  std::vector<YamlNode> items;
  std::vector<Member> members;

  /// The member of that name; without an exact one, the one that differs by case only. nullptr: none.
  [[nodiscard]] const YamlNode* find(std::string_view name) const;
  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
};

struct YamlNode::Member {
  std::string key;
  YamlNode value;
};

/// Why a document was not read, and at which line of the file.
struct YamlFault {
  std::size_t line = 0;
  std::string text;
};

/// One document, whose first line is `first_line` of its file; an empty one is null. Bounded against hostile
/// text: 64 levels, 100,000 values after aliases are resolved. `text` holds at most what split_documents lets
/// through.
boost::system::result<YamlNode, YamlFault> parse_yaml(std::string_view text, std::size_t first_line);

[[noreturn]] inline void throw_exception_from_error(const YamlFault& fault, const boost::source_location&) {
  throw std::logic_error(fault.text);
}

}  // namespace cleat
