#pragma once

#include <cstdint>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"

namespace cleat {

/// Values of flags. Errors read on after "--flag: ".

[[nodiscard]] Result<std::int64_t> integer_value(std::string_view text, std::int64_t least,
                                                 std::int64_t most);
[[nodiscard]] Result<std::uint16_t> port_value(std::string_view text);
/// The words Go's flags take: 1 t T true TRUE True, 0 f F false FALSE False.
[[nodiscard]] Result<bool> bool_value(std::string_view text);
[[nodiscard]] Result<LogLevel> log_level_value(std::string_view text);

}  // namespace cleat
