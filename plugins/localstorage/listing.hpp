#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "descriptor.hpp"

namespace cleat::localstorage {

/// Folders inside folders beyond this are neither made nor listed: each level costs a descriptor.
constexpr std::size_t kDeepest = 64;

/// Adds everything below `folder` that is no folder itself to `out`, with `prefix` in front. Symbolic links are listed and
/// not followed. Throws Error beyond `most`, and for what cannot be read: a list is whole or an error.
void list_below(Descriptor folder, const std::string& prefix, std::size_t most,
                std::vector<std::string>& out);

}  // namespace cleat::localstorage
