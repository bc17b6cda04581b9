#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleat::common {

/// ASCII only; other bytes stay.
std::string lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Without blanks, tabs and line ends at both ends.
std::string_view trimmed(std::string_view text);

/// Puts "***" in place of `secret` wherever it stands in `text`; of an empty one nothing. To be done before a text is cut: half
/// of a secret would not be found.
void cut_out(std::string& text, std::string_view secret);

/// As bool of Dapr's: what is not one of its words for it is false.
bool is_true(std::string_view text);

/// The parts between `separator`s, trimmed, without the empty ones. They point into `text`.
std::vector<std::string_view> split_list(std::string_view text, char separator = ',');

}  // namespace cleat::common
