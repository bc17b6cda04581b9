#include "line.hpp"

#include <algorithm>
#include <vector>

namespace cleat::sink {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20;
}

void append_control(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(c);
  out.append("\\u00");
  out.push_back(kDigits[value >> 4U]);
  out.push_back(kDigits[value & 0xFU]);
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (is_control(c)) {
      append_control(out, c);
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace

std::string compact(std::string_view data) {
  const std::size_t first = data.find_first_not_of(kBlanks);
  const bool structured = first != std::string_view::npos && (data[first] == '{' || data[first] == '[');
  std::string out;
  out.reserve(data.size());
  bool in_string = false, escaped = false;
  for (const char c : data) {
    if (structured && !in_string && kBlanks.find(c) != std::string_view::npos) continue;
    if (is_control(c)) {
      append_control(out, c);
    } else {
      out.push_back(c);
    }
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = in_string && c == '\\' && !escaped;
  }
  return out;
}

std::string to_json(const cleat_map& metadata) {
  std::vector<cleat_kv> sorted(metadata.items, metadata.items + metadata.count);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const cleat_kv& a, const cleat_kv& b) { return view(a.key) < view(b.key); });
  std::string out = "{";
  for (const cleat_kv& entry : sorted) {
    if (out.size() > 1) out.push_back(',');
    append_string(out, view(entry.key));
    out.push_back(':');
    append_string(out, view(entry.value));
  }
  return out += '}';
}

}  // namespace cleat::sink
