#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cleat {

/// One YAML document of a file, not parsed yet.
struct DocumentText {
  std::string text;
  std::size_t line = 1;  ///< of its first character in the file
  std::string fault;     ///< not empty: not to be parsed, and why
};

/// Splits before parsing, so that a broken document does not take its siblings along: at a line that begins
/// with "---" or
/// "...", alone or followed by a blank. What follows on that line is discarded as Dapr does, unless it is a
/// mapping in braces. Documents of blanks and comments are left out. A document over 1 MiB, or with bytes
/// that no text has, keeps its place and carries a fault. Linear in the size of the file.
std::vector<DocumentText> split_documents(std::string_view file);

/// The bytes of a regular file of at most 16 MiB.
Result<std::string> read_text_file(const std::filesystem::path& file);

}  // namespace cleat
