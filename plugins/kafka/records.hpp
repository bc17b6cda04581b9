#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <string>

#include "common/kafka/event_batch.hpp"
#include "common/kafka/record.hpp"
#include "header_filter.hpp"

namespace cleat::kafka {

/// Reads a create request as Dapr's component does: key from partitionKey or __key (and from key, which is
/// not done with `strict_dapr`), partition from partitionNumber, a tombstone for no data or the text null,
/// and every metadata entry also as a header. Pure but for the filter's memory. Throws Error with Dapr's
/// texts.
Record read_record(const Request& request, bool strict_dapr, HeaderFilter& filter);

/// Metadata as Dapr's component gives it: __key, __offset, __partition, __topic, __timestamp, then the record's
/// headers, of equal names the last one. A header named like one of the five comes after it: the host keeps the
/// first. `escape`: keys and header values like a URL query. Pure but for the filter's memory.
void describe_record(const ReadRecord& record, bool escape, HeaderFilter& filter, EventMetadata& metadata,
                     cleat_event& event);

}  // namespace cleat::kafka
