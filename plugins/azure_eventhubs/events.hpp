#pragma once

#include <cleat/plugin.hpp>

#include "common/kafka/event_batch.hpp"
#include "common/kafka/record.hpp"

namespace cleat::eventhubs {

/// Reads a create request: partitionKey is the record's key, contentType and the trace context its headers; nothing else of
/// the metadata goes along, as in Dapr's component. Pure.
kafka::Record read_record(const Request& request);

/// Metadata under the names of Dapr's component: x-opt-sequence-number, x-opt-enqueued-time, x-opt-partition-key, message-id
/// and IoT Hub's; x-opt-partition-id besides; with `all_properties` every header. Values of AMQP producers are decoded. Pure.
void describe_event(const kafka::ReadRecord& record, bool all_properties, kafka::EventMetadata& metadata,
                    cleat_event& event);

}  // namespace cleat::eventhubs
