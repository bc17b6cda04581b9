#include "common/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cleat::common {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xFF;

constexpr std::array<std::uint8_t, 256> values() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}

constexpr std::array<std::uint8_t, 256> kValues = values();

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::uint32_t group =
        byte_at(bytes, at) << 16U | byte_at(bytes, at + 1) << 8U | byte_at(bytes, at + 2);
    const std::size_t digits = std::min<std::size_t>(bytes.size() - at, 3) + 1;
    for (std::size_t i = 0; i < 4; ++i)
      out.push_back(i < digits ? kAlphabet[group >> (18 - 6 * i) & 0x3FU] : '=');
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0, digits = 0, padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    if (padding != 0 && digits == 0) return std::nullopt;  // something after the end
    const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
    if (c == '=') {
      if (digits < 2) return std::nullopt;
      ++padding;
    } else if (value == kNone || padding != 0) {
      return std::nullopt;
    }
    group = group << 6U | (c == '=' ? 0U : value);
    if (++digits < 4) continue;
    for (std::uint32_t i = 0; i < 3 - padding; ++i)
      out.push_back(static_cast<char>(group >> (16 - 8 * i) & 0xFFU));
    group = digits = 0;
  }
  if (digits != 0) return std::nullopt;
  return out;
}

}  // namespace cleat::common
