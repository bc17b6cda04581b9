#pragma once

#include <string>

namespace cleat::common {

/// A random one (RFC 4122, version 4), in small letters.
std::string random_uuid();

}  // namespace cleat::common
