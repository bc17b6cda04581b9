#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleat::common {

/// RFC 4648 with the standard alphabet and padding.
std::string base64(std::string_view bytes);

/// Nothing if `text` is not exactly what base64() writes, line ends apart: those are skipped, as Go's
/// encoding/base64 does, which Dapr's components decode with.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace cleat::common
