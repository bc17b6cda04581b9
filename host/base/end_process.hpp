#pragma once

#include <cstdio>
#include <cstdlib>

extern "C" __attribute__((weak)) void __lsan_do_leak_check();

namespace cleat {

/// Ends the process without destructors of the process. A thread that a plugin had to leave behind, because its library hangs or is
/// merely slow, may use what they would take down, such as OpenSSL's tables. What is left in memory is looked at before, in a build that
/// does so at the end of a process.
[[noreturn]] inline void end_process(int code) {
  if (__lsan_do_leak_check != nullptr) __lsan_do_leak_check();
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace cleat
