#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tls.hpp"

namespace cleat::rabbitmq {

struct Address {
  bool tls = false;
  std::string host, user = "guest", password = "guest", vhost = "/";
  std::uint16_t port = 0;
  std::chrono::seconds heartbeat{10};  ///< 0: none
  /// Without user and password.
  [[nodiscard]] std::string text() const;
};

struct QueueSettings {
  std::string name;
  bool declare = true;  ///< false: it has to be there
  bool durable = false, auto_delete = false, exclusive = false, quorum = false,
       single_active_consumer = false;
  std::optional<std::chrono::milliseconds> message_ttl;
  std::optional<std::uint8_t> max_priority;
  std::optional<std::int64_t> delivery_limit;
  std::string dead_letter_exchange, dead_letter_routing_key;

  /// A quorum queue that is made without a limit to how often it gives a message out: what reaches a limit would be
  /// dropped where there is no dead letter exchange.
  [[nodiscard]] bool is_unlimited() const {
    return declare && quorum && !delivery_limit && dead_letter_exchange.empty();
  }
};

struct RabbitConfig {
  std::vector<Address> addresses;  ///< tried in turn
  QueueSettings queue;
  std::string exchange;                   ///< empty: the default exchange, whose keys are names of queues
  std::string exchange_kind;              ///< empty: the exchange has to be there
  std::vector<std::string> binding_keys;  ///< of the input's queue
  std::string routing_key;                ///< of a publish that names none
  std::string content_type;               ///< the same
  bool mandatory = true;
  bool external_sasl = false;
  common::TlsText pem;
  bool skip_verify = false;
  std::uint16_t prefetch = 0;  ///< 0: as large as the window
  bool exclusive_consumer = false;
  bool broker_dead_letter = false;
  bool strict_dapr = false;
  std::chrono::nanoseconds reconnect_wait{std::chrono::seconds(5)};  ///< the longest
  std::chrono::nanoseconds delivery_timeout{std::chrono::minutes(25)};
  std::string client_name;
};

/// Throws Error(CLEAT_INVALID) that names the field, never with a password.
RabbitConfig parse_config(const Config& config, std::uint32_t directions);

/// "amqp[s]://[user[:password]@]host[:port][/vhost][?heartbeat=SECONDS]", percent-encoded. Other parameters are ignored,
/// but for those of TLS and of the login, which are refused. Throws as above.
Address parse_address(std::string_view uri);

}  // namespace cleat::rabbitmq
