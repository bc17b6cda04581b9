#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/aws/failure.hpp"
#include "common/json_value.hpp"

namespace cleat::sqs {

/// What the answer to a batch says of one of its entries.
struct EntryAnswer {
  /// The entry in `Successful`: only then it was carried out.
  const common::JsonValue* successful = nullptr;
  /// Otherwise; also of what the answer does not name.
  aws::Failure failure;
  /// It was not carried out, and would not be another time.
  bool is_refused = false;
};

/// Of the `count` entries whose Ids are their places. They point into `answer`. `what` names the request in front of a text.
std::vector<EntryAnswer> entries_of(const common::JsonValue& answer, std::size_t count,
                                    std::string_view what);

}  // namespace cleat::sqs
