#pragma once

#include <functional>
#include <string_view>

namespace cleat::nats {

/// Calls `take(path, value)` for each string, number and word of a JSON object: members of objects inside it are named
/// "outer.inner", those of arrays are left out. Strings come without their quotes and with their escapes undone.
/// False if `json` is no object from its first to its last byte, or is nested more than eight deep. `take` may have
/// been called before that was seen.
bool read_flat_json(std::string_view json,
                    const std::function<void(std::string_view path, std::string_view value)>& take);

}  // namespace cleat::nats
