#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace cleat {

/// What every line says about the process that wrote it.
struct LogIdentity {
  std::string app_id;
  std::string instance;  ///< the host's name
  std::string version;
};

/// One event as one line, without its end, as daprd writes them: logfmt, or a JSON object. Values are cut at
/// 4 KiB.
[[nodiscard]] std::string format_log_line(bool as_json, const LogIdentity& identity, std::uint64_t wall_ns,
                                          LogLevel level, std::string_view message,
                                          std::span<const LogField> fields);

}  // namespace cleat
