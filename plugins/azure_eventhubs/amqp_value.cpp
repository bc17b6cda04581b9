#include "amqp_value.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace cleat::eventhubs {
namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value = value << 8U | byte_at(bytes, i);
  return value;
}

/// With the sign of its own width.
std::int64_t signed_value(std::string_view bytes) {
  switch (bytes.size()) {
    case 1:
      return static_cast<std::int8_t>(big_endian(bytes));
    case 2:
      return static_cast<std::int16_t>(big_endian(bytes));
    case 4:
      return static_cast<std::int32_t>(big_endian(bytes));
    default:
      return static_cast<std::int64_t>(big_endian(bytes));
  }
}

template <class Number>
std::string shortest(Number number) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

template <class Number, class Bits>
std::string floating(std::string_view bytes) {
  const auto bits = static_cast<Bits>(big_endian(bytes));
  Number number = 0;
  std::memcpy(&number, &bits, sizeof number);
  return shortest(number);
}

std::string uuid(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[byte_at(bytes, i) >> 4U];
    out += kHex[byte_at(bytes, i) & 15U];
  }
  return out;
}

/// The bytes that follow the type byte if the type has a fixed width; -1 otherwise.
int width_of(std::uint8_t type) {
  // AMQP 1.0, part 1, 1.2: the upper half of the type byte is the width.
  switch (type >> 4U) {
    case 0x4:
      return 0;
    case 0x5:
      return 1;
    case 0x6:
      return 2;
    case 0x7:
      return 4;
    case 0x8:
      return 8;
    case 0x9:
      return 16;
    default:
      return -1;
  }
}

std::optional<std::string> decode_fixed(std::uint8_t type, std::string_view value) {
  switch (type) {
    case 0x40:
      return "";
    case 0x41:
      return "true";
    case 0x42:
      return "false";
    case 0x43:
    case 0x44:
      return "0";
    case 0x56:
      if (byte_at(value, 0) > 1) return std::nullopt;
      return byte_at(value, 0) == 1 ? "true" : "false";
    case 0x50:
    case 0x52:
    case 0x53:
    case 0x60:
    case 0x70:
    case 0x80:
      return shortest(big_endian(value));
    case 0x51:
    case 0x54:
    case 0x55:
    case 0x61:
    case 0x71:
    case 0x81:
      return shortest(signed_value(value));
    case 0x72:
      return floating<float, std::uint32_t>(value);
    case 0x82:
      return floating<double, std::uint64_t>(value);
    case 0x83:
      return rfc3339(signed_value(value));
    case 0x98:
      return uuid(value);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string rfc3339(std::int64_t ms) {
  const auto seconds =
      static_cast<std::time_t>(ms / 1'000 - (ms % 1'000 < 0 ? 1 : 0));  // down, also before 1970
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return shortest(ms);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::optional<std::string> decode_amqp(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const std::uint8_t type = byte_at(bytes, 0);
  const std::string_view rest = bytes.substr(1);
  const int width = width_of(type);
  if (width >= 0)
    return rest.size() == static_cast<std::size_t>(width) ? decode_fixed(type, rest) : std::nullopt;
  const bool is_short = type == 0xa0 || type == 0xa1 || type == 0xa3;
  const bool is_long = type == 0xb0 || type == 0xb1 || type == 0xb3;
  const std::size_t prefix = is_short ? 1 : 4;
  if ((!is_short && !is_long) || rest.size() < prefix) return std::nullopt;
  const std::string_view value = rest.substr(prefix);
  if (big_endian(rest.substr(0, prefix)) != value.size()) return std::nullopt;
  return std::string(value);
}

bool is_surely_amqp(std::string_view bytes) {
  // 0x80 to 0xBF only ever continue a character.
  return !bytes.empty() && (byte_at(bytes, 0) & 0xC0U) == 0x80U && decode_amqp(bytes).has_value();
}

bool is_plain_text(std::string_view bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    const std::uint8_t first = byte_at(bytes, i);
    if ((first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7F) return false;
    const std::size_t more = first < 0x80 ? 0 : (first >> 5U) == 6 ? 1 : (first >> 4U) == 14 ? 2 : 3;
    if (first >= 0x80 && (first < 0xC2 || first > 0xF4)) return false;
    if (bytes.size() - i <= more) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((byte_at(bytes, i + k) & 0xC0U) != 0x80U) return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace cleat::eventhubs
