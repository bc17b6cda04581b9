#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "parameters.hpp"

namespace cleat::postgresql {

/// With what to connect to now, or why there is nothing.
using FoundServers = std::function<void(const Parameters& found, const std::string& error)>;

/// Puts addresses beside the names of the servers, so that libpq has nothing to look up: it would wait for the system's
/// resolver. There is one host for each address that its names have, each with its port; what has addresses already, and
/// directories of sockets, stay. `first`: which of them is to be tried first, counted beyond their number as in a circle,
/// because libpq may spend all the time for an attempt on one that does not answer. On the loop; the answer comes on it
/// later, never from inside.
void look_up_servers(common::EventLoop& loop, common::Resolver& resolver, const Parameters& parameters,
                     std::size_t first, FoundServers answer);

}  // namespace cleat::postgresql
