#pragma once

#include <cleat/values.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json_value.hpp"
#include "sqs_config.hpp"

namespace cleat::sqs {

/// One message on its way to the queue.
struct Outgoing {
  std::string json;       ///< the members of an entry, without its Id and without braces
  std::size_t bytes = 0;  ///< as SQS counts them: body and attributes
  bool is_once = false;   ///< the queue drops it if it comes a second time
};

/// Throws Error for what SQS cannot carry.
Outgoing outgoing_of(const Request& request, const SqsConfig& config);

/// One message of an answer to ReceiveMessage.
struct Incoming {
  std::string id, receipt, body;
  std::string group;  ///< MessageGroupId; empty: none
  std::uint32_t receive_count = 0;
  std::uint64_t first_received_ns = 0;  ///< wall clock; 0: not said
  std::string content_type, traceparent, tracestate, baggage;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The messages in `answer`. Those without an id or a receipt are left out.
std::vector<Incoming> incoming_of(const common::JsonValue& answer, const SqsConfig& config);

}  // namespace cleat::sqs
