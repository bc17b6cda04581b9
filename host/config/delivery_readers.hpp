#pragma once

#include <span>

#include "config/host_fields.hpp"

namespace cleat {

/// The host fields that say how events are delivered: they have an effect on a component with input only.
std::span<const HostField> delivery_fields();

}  // namespace cleat
