#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <string_view>

#include "client.hpp"

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

}  // namespace cleat::kafka
