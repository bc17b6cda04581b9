#pragma once

#include <cleat/plugin.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/event_loop.hpp"

/// What a binding needs whose work is done on its EventLoop.
namespace cleat::common {

/// For after settle() has returned: what a settlement refers to is gone then, so members of fixed size only.
std::vector<cleat_settlement> copy_of(Settlements settlements);

/// Runs `task` on the loop and waits until it has called `done`, there or later. False: it had not by the deadline and may
/// do so yet, so that it must not refer to what is the caller's own. Any thread but the loop's.
bool run_and_wait(EventLoop& loop, Deadline deadline, std::function<void(std::function<void()> done)> task);
/// The same for what is done when it returns.
bool run_and_wait(EventLoop& loop, Deadline deadline, std::function<void()> task);

using Answer = std::function<void(std::optional<Error>)>;
/// Lets `ask` begin to ask somebody, on the loop, and waits for the answer: nothing if all is well. Throws the error that is
/// answered, or `late` with CLEAT_TIMEOUT when there is none by the deadline; the answer may come all the same, so that
/// `ask` must not refer to what is the caller's own. Any thread but the loop's.
void ask_and_wait(EventLoop& loop, Deadline deadline, const std::string& late,
                  std::function<void(Answer)> ask);

}  // namespace cleat::common
