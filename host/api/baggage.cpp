#include "api/baggage.hpp"

#include <fmt/core.h>

#include "base/text.hpp"

namespace cleat {
namespace {

constexpr std::size_t kMaxBytes = 8192;
constexpr std::size_t kMaxMembers = 180;

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alphanumeric && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) return false;
  }
  return true;
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_value(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\') return false;
    if (c != '%') continue;
    if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

bool is_property(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return is_token(trim(text));
  return is_token(trim(text.substr(0, equals))) && is_value(trim(text.substr(equals + 1)));
}

bool is_member(std::string_view text) {
  const std::size_t pair_end = text.find(';');
  const std::string_view pair = text.substr(0, pair_end);
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return false;
  if (!is_token(trim(pair.substr(0, equals))) || !is_value(trim(pair.substr(equals + 1)))) return false;
  while (text.find(';') != std::string_view::npos) {
    text.remove_prefix(text.find(';') + 1);
    if (!is_property(text.substr(0, text.find(';')))) return false;
  }
  return true;
}

}  // namespace

Result<> check_baggage(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > kMaxBytes) {
    return fail(fmt::format("expected at most {} bytes, found {}", kMaxBytes, text.size()));
  }
  for (std::size_t members = 1;; ++members) {
    if (members > kMaxMembers)
      return fail(fmt::format("expected at most {} members, found more", kMaxMembers));
    const std::size_t comma = text.find(',');
    const std::string_view member = text.substr(0, comma);
    if (!is_member(member)) {
      return fail(fmt::format("expected key=value, found \"{}\" as member {}", member, members));
    }
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

}  // namespace cleat
