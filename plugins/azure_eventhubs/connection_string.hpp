#pragma once

#include <string>
#include <string_view>

namespace cleat::eventhubs {

/// A shared access signature's connection string: "Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...".
struct ConnectionString {
  std::string host;  ///< of Endpoint, without a port
  std::string entity_path;
  bool is_emulator = false;  ///< UseDevelopmentEmulator=true: the maker's emulator, without TLS
};

/// Throws Error(CLEAT_INVALID) that names the part that is missing; no text holds a key.
ConnectionString parse_connection_string(std::string_view text);

}  // namespace cleat::eventhubs
