#pragma once

#include <span>
#include <string_view>

namespace cleat {

/// The candidate that `word` is most likely a misspelling of, without regard to case; empty if none is near:
/// one slip (a letter too many, too few, another one, two swapped) in a short word, two in one of more than
/// five letters.
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace cleat
