#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "plugin/ports.hpp"
#include "policy/policy.hpp"

namespace cleat {

struct GuardLimits {
  std::uint32_t max_calls = 4096;  ///< calls that run or wait for their next attempt
  std::uint64_t max_bytes = 256ULL << 20;
};

/// An output behind a policy: retry(breaker(timeout(call))) as daprd composes them. Calls of any io thread; each call's
/// attempts and answer stay on its own. One breaker for all of them.
///
/// A failed attempt is followed by another unless its status can never get better (INVALID, UNSUPPORTED, TOO_LARGE, DENIED,
/// UNAUTHENTICATED, where the plugin does not call it retryable, and CANCELLED), `matching` leaves it out, the policy's limits
/// are reached or the caller has left. The caller gets the last attempt's error. An open breaker ends a call at once with
/// UNAVAILABLE.
class GuardedOutput final : public OutputPort {
 public:
  /// `inner` and the loops outlive it. `loops[i]` is the io thread of shard i.
  GuardedOutput(std::string component, Policy policy, GuardLimits limits, OutputPort& inner,
                std::vector<Loop*> loops, Log& log);
  /// As stop().
  ~GuardedOutput() override;

  void invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) override;
  /// No further attempts: calls that wait for one end with their last error, later ones have one attempt. Any thread; what
  /// waited has been answered when each loop has turned over.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cleat
