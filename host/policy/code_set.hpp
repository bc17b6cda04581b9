#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace cleat {

/// Status codes written as in Dapr's `matching`: "429,500-599".
class CodeSet {
 public:
  /// Codes and ranges with commas between them; blanks around them do not matter. The error says which part is wrong, what was
  /// expected and found. An empty text gives an empty set.
  static Result<CodeSet> parse(std::string_view text, unsigned least, unsigned most);

  [[nodiscard]] bool contains(unsigned code) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }

 private:
  std::vector<std::pair<unsigned, unsigned>> ranges_;
};

}  // namespace cleat
