#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace cleat::http {

struct HttpConfig {
  std::string url;
  std::string ca, cert, key;  ///< PEM text
  std::string token, token_header;
  std::chrono::nanoseconds response_timeout{0};  ///< 0: only the call's own time counts
  std::uint64_t max_response_bytes = 0;          ///< 0: no bound
  bool error_if_not_2xx = true;
  long max_connections = 100;
  bool strict_dapr = false;
};

/// Throws Error(CLEAT_INVALID) that names the field, never with a secret. Reads the files that PEM fields name.
HttpConfig parse_config(const Config& config);

}  // namespace cleat::http
