#pragma once

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace cleat::common {

/// Reads one variable of the environment; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;

inline std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace cleat::common
