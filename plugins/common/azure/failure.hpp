#pragma once

#include <cleat/plugin.h>

#include <cstdint>
#include <string>

namespace cleat::azure {

/// Why Azure did not do what was asked.
struct Failure {
  cleat_status status = CLEAT_INTERNAL;
  bool is_retryable = false;  ///< certainly not carried out, or once more does no harm
  std::uint32_t retry_after_ms = 0;
  int http_status = 0;  ///< 0: no answer came
  std::string code;     ///< Azure's own word: "QueueNotFound"
  std::string text;     ///< for people, without secrets
};

}  // namespace cleat::azure
