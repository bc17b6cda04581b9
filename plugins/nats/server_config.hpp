#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "nats_config.hpp"

namespace cleat::nats {

/// The part of read_config() that says where the servers are and how to be let in.
ServerConfig read_server(const Config& config, std::vector<std::string>& warnings);

/// Throws Error(CLEAT_INVALID): "field: what".
[[noreturn]] void refuse(std::string_view field, const std::string& what);

/// A duration of whole milliseconds above zero.
std::chrono::milliseconds positive(const Config& config, std::string_view field,
                                   std::chrono::milliseconds fallback, std::chrono::milliseconds most);

}  // namespace cleat::nats
