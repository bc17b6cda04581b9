#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::postgresql {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// What is in a column of bytea, text or JSON that came in binary: jsonb has a byte more in front.
std::string_view payload_bytes(std::uint32_t type, std::string_view binary);

/// The members of a JSON object as texts, in their order; nothing for what is no object.
Pairs metadata_pairs(std::string_view object);

/// A whole number at the front of a text, 0 without one.
std::int64_t to_number(std::string_view text);

/// {"a","b"}: an array of texts as PostgreSQL reads it.
std::string array_text(const std::vector<std::string>& texts);

}  // namespace cleat::postgresql
