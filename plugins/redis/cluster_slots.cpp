#include "cluster_slots.hpp"

#include <array>
#include <charconv>

namespace cleat::redis {
namespace {

constexpr std::array<std::uint16_t, 256> crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte << 8U;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 0x8000U) != 0 ? crc << 1U ^ 0x1021U : crc << 1U;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr std::array<std::uint16_t, 256> kCrc = crc_table();

std::uint16_t crc16(std::string_view text) {
  std::uint32_t crc = 0;
  for (const char c : text)
    crc = (crc << 8U ^ kCrc[(crc >> 8U ^ static_cast<unsigned char>(c)) & 0xFFU]) & 0xFFFFU;
  return static_cast<std::uint16_t>(crc);
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::uint16_t slot_of(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

std::optional<Redirect> parse_redirect(std::string_view error, const std::string& answering_host) {
  Redirect found;
  found.is_ask = error.substr(0, 4) == "ASK ";
  if (!found.is_ask && error.substr(0, 6) != "MOVED ") return std::nullopt;
  error.remove_prefix(found.is_ask ? 4 : 6);
  const std::size_t blank = error.find(' ');
  const std::size_t colon = error.rfind(':');
  if (blank == std::string_view::npos || colon == std::string_view::npos || colon < blank)
    return std::nullopt;
  const auto slot = number<std::uint16_t>(error.substr(0, blank));
  const auto port = number<std::uint16_t>(error.substr(colon + 1));
  if (!slot || *slot >= kSlots || !port || *port == 0) return std::nullopt;
  found.slot = *slot;
  found.to = {std::string(error.substr(blank + 1, colon - blank - 1)), *port};
  if (found.to.host.empty()) found.to.host = answering_host;
  return found;
}

}  // namespace cleat::redis
