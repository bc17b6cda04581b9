#pragma once

#include <string>

namespace cleat::localstorage {

/// Throws the Error that errno stands for: `what` and the system's words. What may be different later, a full or a failing
/// disk, is marked as worth another attempt; nothing here is left half done, so that does no harm.
[[noreturn]] void fail(const std::string& what);

}  // namespace cleat::localstorage
