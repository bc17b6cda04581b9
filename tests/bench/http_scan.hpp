#pragma once

#include <strings.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace cleat::bench {

/// What the load and the application need to know of an HTTP message; both only ever meet well-formed ones.
struct HttpScan {
  std::size_t head = 0;  ///< bytes up to and with the empty line; 0: not all there yet
  std::size_t body = 0;  ///< Content-Length
  bool chunked = false;
};

inline HttpScan scan_http(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  HttpScan found{end + 4, 0, false};
  for (auto at = bytes.find("\r\n"); at < end; at = bytes.find("\r\n", at + 2)) {
    const char* line = bytes.data() + at + 2;
    if ((*line | 0x20) == 'c' && strncasecmp(line, "content-length:", 15) == 0) {
      found.body = std::strtoull(line + 15, nullptr, 10);
    } else if ((*line | 0x20) == 't' && strncasecmp(line, "transfer-encoding:", 18) == 0) {
      found.chunked = true;
    }
  }
  return found;
}

}  // namespace cleat::bench
