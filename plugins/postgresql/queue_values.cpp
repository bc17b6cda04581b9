#include "queue_values.hpp"

#include <charconv>
#include <stdexcept>

#include "common/json_value.hpp"

namespace cleat::postgresql {

std::string_view payload_bytes(std::uint32_t type, std::string_view binary) {
  constexpr std::uint32_t kJsonb = 3802;
  return type == kJsonb && !binary.empty() ? binary.substr(1) : binary;
}

Pairs metadata_pairs(std::string_view object) {
  Pairs out;
  try {
    for (auto& [name, value] : common::parse_json(object).members)
      out.emplace_back(name,
                       value.kind == common::JsonValue::Kind::text ? value.text : std::string(value.raw));
  } catch (const std::invalid_argument&) {
    return {};  // a column of text that somebody wrote something else into
  }
  return out;
}

std::int64_t to_number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string array_text(const std::vector<std::string>& texts) {
  std::string out = "{";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

}  // namespace cleat::postgresql
