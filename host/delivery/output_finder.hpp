#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plugin/ports.hpp"

namespace cleat {

/// Finds the running output component that takes this operation, for a call from the component's home thread. nullptr: there
/// is none now, and `why` says why. Valid until the calling handler of the loop returns.
using OutputFinder =
    std::function<OutputPort*(std::string_view name, std::string_view operation, std::string& why)>;

}  // namespace cleat
