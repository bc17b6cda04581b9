#pragma once

#include <string>
#include <string_view>

namespace cleat::mqtt {

/// Why this is no topic to publish to; empty if it is one.
std::string topic_fault(std::string_view topic);

/// Why this is no topic filter to subscribe to, shared ones ($share/group/filter) included; empty if it is one.
std::string filter_fault(std::string_view filter);

}  // namespace cleat::mqtt
