#include "common/xml.hpp"

#include <pugixml.hpp>

#include <algorithm>
#include <cstdint>

namespace cleat::common {
namespace {

constexpr int kMostDepth = 32;

bool copy(const pugi::xml_node& from, XmlNode& to, int depth) {
  if (depth > kMostDepth) return false;
  to.name = from.name();
  for (const pugi::xml_node& child : from.children()) {
    if (child.type() == pugi::node_element) {
      if (!copy(child, to.children.emplace_back(), depth + 1)) return false;
    } else {
      to.text += child.value();
    }
  }
  return true;
}

/// How many bytes the character at the beginning of `text` has; 0: none that XML has.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80U) return first >= 0x20U || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t length = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : 2;
  if (first < 0xC2U || first > 0xF4U || text.size() < length) return 0;
  std::uint32_t value = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool is_longer_than_needed = (length == 3 && value < 0x800U) || (length == 4 && value < 0x10000U);
  const bool is_none =
      (value >= 0xD800U && value < 0xE000U) || value == 0xFFFEU || value == 0xFFFFU || value > 0x10FFFFU;
  return is_longer_than_needed || is_none ? 0 : length;
}

}  // namespace

const XmlNode* XmlNode::find(std::string_view child) const {
  const auto found =
      std::find_if(children.begin(), children.end(), [&](const XmlNode& each) { return each.name == child; });
  return found != children.end() ? &*found : nullptr;
}

std::string XmlNode::text_of(std::string_view child) const {
  const XmlNode* const found = find(child);
  return found != nullptr ? found->text : std::string();
}

std::optional<XmlNode> parse_xml(std::string_view text) {
  pugi::xml_document document;
  // Not parse_eol: what a message holds is to arrive as it is. A text of blanks only is one, too.
  const unsigned options = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_ws_pcdata;
  if (!document.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8)) return std::nullopt;
  XmlNode root;
  if (!document.document_element() || !copy(document.document_element(), root, 1)) return std::nullopt;
  return root;
}

void append_xml_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\r':  // a reader makes a line feed of it
        out += "&#13;";
        break;
      default:
        out += c;
    }
  }
}

bool is_xml_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace cleat::common
