#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/aws/failure.hpp"
#include "common/json_value.hpp"

namespace cleat::sqs {

/// The entries of a batch while it is written, each with its place as its Id.
class Entries {
 public:
  /// `json`: the members of an entry but for its Id, without braces.
  void add(std::string_view json);
  /// As Queue::Ask has it: `,"Entries":[...]`.
  [[nodiscard]] std::string members() const { return json_ + "]"; }

 private:
  std::string json_ = ",\"Entries\":[";
  std::size_t count_ = 0;
};

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
