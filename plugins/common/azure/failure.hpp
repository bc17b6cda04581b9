#pragma once

#include "common/curl/answer.hpp"

namespace cleat::azure {

/// Why Azure did not do what was asked; `code` is Azure's own word: "QueueNotFound".
using Failure = common::ServiceFailure;

}  // namespace cleat::azure
