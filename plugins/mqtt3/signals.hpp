#pragma once

#include <pthread.h>
#include <signal.h>

namespace cleat::mqtt {

/// For the beginning of a thread of ours: signals are for the host's threads, and a write to a connection that is gone raises one.
inline void keep_signals_away() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace cleat::mqtt
