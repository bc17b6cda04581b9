#pragma once

#include <string_view>

namespace cleat::common {

/// Whether an entry of a request's metadata is what a call over gRPC brought along, always in small letters: it is about the
/// way to here, and one of it may be the host's own token.
inline bool is_of_grpc(std::string_view name, std::string_view value) {
  if (name.rfind("dapr-", 0) == 0 || name.rfind("grpc-", 0) == 0 || name.rfind(':', 0) == 0) return true;
  return (name == "content-type" && value.rfind("application/grpc", 0) == 0) ||
         (name == "user-agent" && value.find("grpc-") != std::string_view::npos);
}

}  // namespace cleat::common
