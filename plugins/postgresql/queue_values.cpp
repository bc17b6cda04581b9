#include "queue_values.hpp"

#include <charconv>
#include <stdexcept>

#include "common/json_array.hpp"

namespace cleat::postgresql {
namespace {

constexpr std::uint32_t kBytea = 17;

int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/// Where the JSON value that begins at `at` ends: strings and nesting are all that matters in checked text.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  int depth = 0;
  bool in_string = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']' || c == ',' || c == ':') && depth == 0) return at;
    if (c == '}' || c == ']') --depth;
  }
  return text.size();
}

}  // namespace

std::string payload_bytes(std::uint32_t type, std::string_view text) {
  if (type != kBytea) return std::string(text);
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t at = 2; at + 1 < text.size(); at += 2)
    out.push_back(static_cast<char>(hex(text[at]) * 16 + hex(text[at + 1])));
  return out;
}

Pairs metadata_pairs(const std::string& object) {
  Pairs out;
  const std::size_t open = object.find('{');
  if (open == std::string::npos) return out;
  // A name and its value are the elements of an array of two.
  for (std::size_t at = open + 1; at < object.size() && object[at] != '}';) {
    const std::size_t colon = end_of_value(object, at);
    const std::size_t end = end_of_value(object, colon + 1);
    try {
      const auto pair = common::parse_json_array("[" + object.substr(at, colon - at) + "," +
                                                 object.substr(colon + 1, end - colon - 1) + "]");
      if (pair.size() == 2) out.emplace_back(pair[0].value, pair[1].value);
    } catch (const std::invalid_argument&) {
      return out;  // an empty object, with blanks in it
    }
    at = end + (end < object.size() && object[end] == ',' ? 1 : 0);
  }
  return out;
}

int to_int(std::string_view text) {
  int value = 0;
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
