#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "header_filter.hpp"

namespace cleat::kafka {

/// What one create call writes. Views into the request.
struct Record {
  std::optional<std::string_view> key;
  std::optional<std::int32_t> partition;
  std::optional<std::string_view> value;  ///< absent: a tombstone
  std::vector<std::pair<std::string_view, std::string_view>> headers;
};

/// Reads a create request as Dapr's component does: key from partitionKey or __key (and from key, which is
/// not done with `strict_dapr`), partition from partitionNumber, a tombstone for no data or the text null,
/// and every metadata entry also as a header. Pure but for the filter's memory. Throws Error with Dapr's
/// texts.
Record read_record(const Request& request, bool strict_dapr, HeaderFilter& filter);

/// "partition number 9 is out of range, topic has 3 partitions"
std::string out_of_range_text(std::int32_t partition, std::int32_t count);

}  // namespace cleat::kafka
