#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/tls.hpp"

namespace cleat::redis {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Login {
  std::string username;  ///< empty: the default user
  std::string password;  ///< empty: no login
};

struct RedisConfig {
  enum class Kind { node, cluster, sentinel };

  Kind kind = Kind::node;
  std::vector<Endpoint> hosts;  ///< the server; nodes of the cluster to ask first; the sentinels
  Login login, sentinel_login;
  std::string master;  ///< the sentinels' name for it
  std::int64_t database = 0;

  bool tls = false, skip_verify = false;
  common::TlsText pem;

  std::chrono::nanoseconds connect_within{std::chrono::seconds(5)};
  std::chrono::nanoseconds answer_within{std::chrono::seconds(3)};  ///< 0: no limit but the call's own

  std::string stream, group, consumer, data_field;
  bool from_the_beginning = true;
  std::chrono::milliseconds min_idle{60'000};

  std::vector<std::string> warnings;
};

/// Throws Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) that names the field, never with a secret.
RedisConfig parse_config(const Config& config, std::uint32_t directions);

/// "host", "host:port", "[v6]:port". Without a port `port_field` counts, 0 meaning that it is not set.
Endpoint parse_endpoint(std::string_view text, std::uint16_t port_field);

}  // namespace cleat::redis
