#include "wire.hpp"

namespace cleat::mqtt {
namespace {

struct Sequence {
  std::size_t size;      ///< bytes
  std::uint32_t first;   ///< bits of the first byte
  std::uint32_t lowest;  ///< what needs a shorter sequence is not well formed
};

/// Size 0: no byte that begins a character.
Sequence sequence_of(unsigned char first) {
  if (first < 0x80) return {1, first, 1};
  if (first < 0xc0) return {0, 0, 0};
  if (first < 0xe0) return {2, first & 0x1fU, 0x80};
  if (first < 0xf0) return {3, first & 0x0fU, 0x800};
  if (first < 0xf8) return {4, first & 0x07U, 0x10000};
  return {0, 0, 0};
}

}  // namespace

bool is_mqtt_text(std::string_view text) {
  while (!text.empty()) {
    const Sequence sequence = sequence_of(static_cast<unsigned char>(text.front()));
    if (sequence.size == 0 || sequence.size > text.size()) return false;
    std::uint32_t character = sequence.first;
    for (std::size_t i = 1; i < sequence.size; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xc0U) != 0x80) return false;
      character = (character << 6U) | (next & 0x3fU);
    }
    const bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < sequence.lowest || character > 0x10ffff || is_surrogate) return false;
    text.remove_prefix(sequence.size);
  }
  return true;
}

bool is_plain_text(std::string_view text) {
  if (!is_mqtt_text(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    // U+0080 to U+009F
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

void Reader::spoil() {
  ok_ = false;
  left_ = {};
}

std::string_view Reader::take(std::size_t count) {
  if (count > left_.size()) {
    spoil();
    return {};
  }
  const std::string_view taken = left_.substr(0, count);
  left_.remove_prefix(count);
  return taken;
}

std::uint8_t Reader::byte() {
  const std::string_view one = take(1);
  return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
}

std::uint16_t Reader::two_bytes() {
  const unsigned high = byte();
  return static_cast<std::uint16_t>((high << 8U) | byte());
}

std::uint32_t Reader::four_bytes() {
  const std::uint32_t high = two_bytes();
  return (high << 16U) | two_bytes();
}

std::uint32_t Reader::variable() {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    const unsigned next = byte();
    value |= (next & 0x7fU) << shift;
    if ((next & 0x80U) == 0) return ok_ ? value : 0;
  }
  spoil();
  return 0;
}

std::string_view Reader::binary() {
  const std::size_t size = two_bytes();
  return take(size);
}

std::string_view Reader::text() {
  const std::string_view found = binary();
  if (is_mqtt_text(found)) return found;
  spoil();
  return {};
}

void put_byte(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value & 0xffU));
}

void put_two_bytes(std::string& out, unsigned value) {
  put_byte(out, value >> 8U);
  put_byte(out, value);
}

void put_four_bytes(std::string& out, std::uint32_t value) {
  put_two_bytes(out, value >> 16U);
  put_two_bytes(out, value & 0xffffU);
}

void put_variable(std::string& out, std::uint32_t value) {
  do {
    const unsigned more = value > 0x7f ? 0x80U : 0U;
    put_byte(out, (value & 0x7fU) | more);
    value >>= 7U;
  } while (value != 0);
}

void put_text(std::string& out, std::string_view text) {
  put_two_bytes(out, static_cast<unsigned>(text.size()));
  out.append(text);
}

}  // namespace cleat::mqtt
