#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cleat {

/// One word or sign of a breaker's condition.
struct TripToken {
  enum class Kind : std::uint8_t { end, name, number, sign, other };

  Kind kind = Kind::end;
  std::string_view text;
  std::size_t at = 1;  ///< its first character, counted from 1

  [[nodiscard]] bool is_sign(std::string_view sign) const { return kind == Kind::sign && text == sign; }
  [[nodiscard]] bool is_comparison() const;
  /// "'requests'", "the end" for messages.
  [[nodiscard]] std::string shown() const;
};

/// The token that begins at or after `from` (from 0). Never fails: what no condition has is of kind `other`.
TripToken next_trip_token(std::string_view text, std::size_t from);

/// Why a token has no place in a condition, with a colon before it; empty: nothing more to say. `next` is the
/// token behind it.
std::string trip_token_hint(const TripToken& token, const TripToken& next);

}  // namespace cleat
