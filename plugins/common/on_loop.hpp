#pragma once

#include <cleat/plugin.hpp>

#include <functional>
#include <vector>

#include "common/event_loop.hpp"

/// What a binding needs whose work is done on its EventLoop.
namespace cleat::common {

/// For after settle() has returned: what a settlement refers to is gone then, so members of fixed size only.
std::vector<cleat_settlement> copy_of(Settlements settlements);

/// Runs `task` on the loop and waits until it has called `done`, there or later. False: it had not by the deadline and may
/// do so yet, so that it must not refer to what is the caller's own. Any thread but the loop's.
bool run_and_wait(EventLoop& loop, Deadline deadline, std::function<void(std::function<void()> done)> task);

}  // namespace cleat::common
