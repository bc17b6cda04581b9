#include "nkey.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>

#include "common/text.hpp"

namespace cleat::nats {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr unsigned kSeed = 18U << 3U, kUser = 20U << 3U;
constexpr std::size_t kKeyBytes = 32, kSeedBytes = 2 + kKeyBytes + 2;

std::optional<std::string> from_base32(std::string_view text) {
  std::string bytes;
  std::uint32_t held = 0, bits = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    held = held << 5U | static_cast<std::uint32_t>(value);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(held >> bits & 0xFFU));
  }
  return bytes;
}

std::string base32(std::string_view bytes) {
  std::string text;
  std::uint32_t held = 0, bits = 0;
  for (const char c : bytes) {
    held = held << 8U | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5)
      text.push_back(kAlphabet[held >> (bits - 5) & 31U]);
  }
  if (bits > 0) text.push_back(kAlphabet[held << (5 - bits) & 31U]);
  return text;
}

/// CRC-16/XMODEM.
std::uint16_t check_sum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (const char c : bytes) {
    sum ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8U;
    for (int bit = 0; bit < 8; ++bit)
      sum = (sum & 0x8000U) != 0 ? sum << 1U ^ 0x1021U : sum << 1U;
    sum &= 0xFFFFU;
  }
  return static_cast<std::uint16_t>(sum);
}

void append_check_sum(std::string& bytes) {
  const std::uint16_t sum = check_sum(bytes);
  bytes.push_back(static_cast<char>(sum & 0xFFU));
  bytes.push_back(static_cast<char>(sum >> 8U));
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

/// The text between a line that holds "BEGIN <kind>" and the next line of dashes.
std::string_view block(std::string_view text, std::string_view kind) {
  const std::size_t begin = text.find("-----BEGIN " + std::string(kind));
  if (begin == std::string_view::npos) return {};
  const std::size_t line = text.find('\n', begin);
  if (line == std::string_view::npos) return {};
  const std::size_t end = text.find("-----", line);
  if (end == std::string_view::npos) return {};
  return common::trimmed(text.substr(line, end - line));
}

}  // namespace

std::optional<std::string> public_nkey(std::string_view seed) {
  const auto bytes = from_base32(seed);
  if (!bytes || bytes->size() != kSeedBytes) return std::nullopt;
  std::string sound = bytes->substr(0, kSeedBytes - 2);
  append_check_sum(sound);
  // The kind of the seed and the kind of its key share two bytes.
  const unsigned first = static_cast<unsigned char>(sound[0]), second = static_cast<unsigned char>(sound[1]);
  const bool is_user = (first & 0xF8U) == kSeed && ((first & 7U) << 5U | second >> 3U) == kUser;
  if (sound != *bytes || !is_user) return std::nullopt;
  const std::unique_ptr<EVP_PKEY, FreeKey> key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(sound.data()) + 2, kKeyBytes));
  std::array<unsigned char, kKeyBytes> raw{};
  std::size_t size = raw.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1) return std::nullopt;
  std::string out(1, static_cast<char>(kUser));
  out.append(reinterpret_cast<const char*>(raw.data()), raw.size());
  append_check_sum(out);
  return base32(out);
}

std::optional<Credentials> parse_credentials(std::string_view text) {
  Credentials found{std::string(block(text, "NATS USER JWT")), std::string(block(text, "USER NKEY SEED"))};
  if (found.jwt.empty() || !public_nkey(found.seed)) return std::nullopt;
  return found;
}

}  // namespace cleat::nats
