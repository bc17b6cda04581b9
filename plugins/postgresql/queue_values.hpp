#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::postgresql {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The bytes of a column that holds a payload: of bytea what it stands for, of everything else its text.
std::string payload_bytes(std::uint32_t type, std::string_view text);

/// The members of a JSON object as texts, in their order; nothing for what is no object. Only what PostgreSQL has checked
/// is given here.
Pairs metadata_pairs(const std::string& object);

/// A whole number at the front of a text, 0 without one.
int to_int(std::string_view text);

/// {"a","b"}: an array of texts as PostgreSQL reads it.
std::string array_text(const std::vector<std::string>& texts);

}  // namespace cleat::postgresql
