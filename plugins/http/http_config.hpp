#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/curl_loop.hpp"

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

/// Throws Error(CLEAT_INVALID) that names the field, never with a key. Reads the files that PEM fields name.
HttpConfig parse_config(const Config& config);

/// A request as the component's fields and the call's metadata make it. Throws Error for an unknown operation or
/// for a header that cannot be one.
common::HttpRequest make_request(const HttpConfig& config, const Request& request);

/// Whether an answer other than 2xx is an error for this call.
bool error_if_not_2xx(const HttpConfig& config, const Request& request);

/// `base` and `path` with exactly one '/' between them; the path may hold a query.
std::string join(std::string_view base, std::string_view path);

/// "200 OK", or the number alone where the answer has no words (HTTP/2) and the code is none of the usual ones.
std::string status_line(const common::HttpResponse& response);

}  // namespace cleat::http
