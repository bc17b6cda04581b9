#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "redis_config.hpp"

namespace cleat::redis {

constexpr std::uint16_t kSlots = 16384;

/// The slot of a key as Redis Cluster counts it: CRC16 (XMODEM) of the key, or of what stands between its
/// first '{' and the next '}' if that is not empty, modulo 16384.
std::uint16_t slot_of(std::string_view key);

/// "MOVED 3999 127.0.0.1:6381" or "ASK 3999 127.0.0.1:6381". A node that does not know its own name leaves the
/// host empty: then the one that answered is meant.
struct Redirect {
  bool is_ask = false;
  std::uint16_t slot = 0;
  Endpoint to;
};
std::optional<Redirect> parse_redirect(std::string_view error, const std::string& answering_host);

}  // namespace cleat::redis
