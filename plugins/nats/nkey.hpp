#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleat::nats {

/// The public key ("U...") of a user's seed ("SU..."), which the client shows to the server before it signs with the seed.
/// Nothing if `seed` is no seed of a user, its check sum included.
std::optional<std::string> public_nkey(std::string_view seed);

/// What a .creds file holds.
struct Credentials {
  std::string jwt, seed;
};

/// Nothing if `text` lacks one of the two blocks, or the seed in it is none.
std::optional<Credentials> parse_credentials(std::string_view text);

}  // namespace cleat::nats
