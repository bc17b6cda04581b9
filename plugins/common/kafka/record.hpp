#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::kafka {

/// Names may come again.
using HeaderList = std::vector<std::pair<std::string_view, std::string_view>>;

/// What one create call writes. Views into the request.
struct Record {
  std::optional<std::string_view> key;
  std::optional<std::int32_t> partition;
  std::optional<std::string_view> value;  ///< absent: a tombstone
  HeaderList headers;
};

/// A binding's reading of a create request; throws Error for one that cannot be written. Never called twice at a time.
using ReadRequest = std::function<Record(const Request&)>;

/// What was read from a partition, but for its value. Views that live as long as the event.
struct ReadRecord {
  std::string_view topic, partition, offset;  ///< the numbers as text
  std::optional<std::string_view> key;
  std::optional<std::int64_t> timestamp_ms;  ///< since 1970
  HeaderList headers;
};

}  // namespace cleat::kafka
