#pragma once

#include <fmt/format.h>

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "config/host_fields.hpp"

/// What the readers of host fields have in common. An empty value counts as not given. A value that is none is a fault, and the
/// field keeps what it had.
namespace cleat {

/// "expected ..., found ...". What is long is cut.
void expected(HostFieldTarget& target, std::string_view what, std::string_view value);

/// A word of a list and what it means.
template <class Meaning>
using Word = std::pair<std::string_view, Meaning>;

template <class Meaning, std::size_t kCount>
void read_word(HostFieldTarget& target, std::string_view value,
               const std::array<Word<Meaning>, kCount>& words, Meaning& field) {
  const std::string_view given = trim(value);
  if (given.empty()) return;
  std::string all;
  for (std::size_t i = 0; i < kCount; ++i) {
    if (iequals(given, words[i].first)) {
      field = words[i].second;
      return;
    }
    all.append(i == 0 ? "" : i + 1 == kCount ? " or " : ", ").append(words[i].first);
  }
  expected(target, all, value);
}

void read_whole(HostFieldTarget& target, std::string_view value, std::uint32_t least, std::uint32_t most,
                std::uint32_t& field);
/// Nanoseconds, not below zero; a number without a unit counts seconds.
void read_time(HostFieldTarget& target, std::string_view value, std::uint64_t& field_ns);
void read_flag(HostFieldTarget& target, std::string_view value, bool& flag);
/// A list with commas, or a list of the file.
void read_names(HostFieldTarget& target, std::string_view value, std::vector<std::string>& field);

}  // namespace cleat
