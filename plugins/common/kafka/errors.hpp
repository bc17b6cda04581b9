#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <string_view>

#include "common/kafka/client.hpp"

namespace cleat::kafka {

/// Which status a librdkafka or broker error means, and whether the same call may succeed later. Pure.
struct ErrorClass {
  cleat_status status;
  std::uint32_t flags;
};
ErrorClass classify(rd_kafka_resp_err_t error);

/// Whether the error says that no broker can be reached or lets us in, in other words that the connection is
/// down.
bool is_connection_error(rd_kafka_resp_err_t error);

/// A client library's reason for people: without its prefix of client and thread names ("[thrd:...]: ").
std::string plain_reason(std::string_view reason);

/// "partition number 9 is out of range, topic has 3 partitions", in the words of Dapr's component.
std::string out_of_range_text(std::int32_t partition, std::int32_t count);

}  // namespace cleat::kafka
