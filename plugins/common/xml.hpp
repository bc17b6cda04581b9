#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::common {

/// An element of an answer, with its text as it was written: blanks and line ends stay.
struct XmlNode {
  std::string name, text;
  std::vector<XmlNode> children;

  /// The first child of this name; nullptr if there is none.
  [[nodiscard]] const XmlNode* find(std::string_view child) const;
  /// The text of that child; empty if there is none.
  [[nodiscard]] std::string text_of(std::string_view child) const;
};

/// The outermost element. Nothing if `text` is no XML, or has more than 32 elements in one another.
std::optional<XmlNode> parse_xml(std::string_view text);

/// Appends `text` for the inside of an element, so that every byte arrives.
void append_xml_text(std::string& out, std::string_view text);

/// Whether an element can hold it: UTF-8 without the characters that XML does not have.
bool is_xml_text(std::string_view text);

}  // namespace cleat::common
