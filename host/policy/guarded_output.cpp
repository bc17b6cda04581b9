#include "policy/guarded_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <mutex>

namespace cleat {
namespace {

constexpr std::uint64_t kAskWanted =
    30 * kSecond;  ///< how often a call that waits asks whether somebody still does
constexpr std::uint64_t kQuiet = 10 * kSecond;  ///< least time between two warnings of a component

OutputResult refusal(cleat_status status, std::string text) {
  OutputResult result;
  result.status = status;
  result.retryable = true;
  result.error = std::move(text);
  return result;
}

OutputRequest copy_of(const OutputRequest& from) {
  OutputRequest copy;
  copy.operation = from.operation;
  copy.content_type = from.content_type;
  copy.data = from.data;
  copy.metadata = from.metadata;
  copy.traceparent = from.traceparent;
  copy.tracestate = from.tracestate;
  copy.baggage = from.baggage;
  copy.timeout_ns = from.timeout_ns;
  return copy;
}

bool may_get_better(const OutputResult& result) {
  switch (result.status) {
    case CLEAT_CANCELLED:  // the instance is stopping and takes nothing any more
      return false;
    case CLEAT_INVALID:
    case CLEAT_UNSUPPORTED:
    case CLEAT_TOO_LARGE:
    case CLEAT_DENIED:
    case CLEAT_UNAUTHENTICATED:
      return result.retryable;
    default:
      return true;
  }
}

/// An output speaks no protocol of its own, so a code of either that is named counts.
bool matches(const RetryPolicy& retry, cleat_status status) {
  if (!retry.http_codes && !retry.grpc_codes) return true;
  return (retry.http_codes && retry.http_codes->contains(http_code_of(status))) ||
         (retry.grpc_codes && retry.grpc_codes->contains(grpc_code_of(status)));
}

}  // namespace

struct GuardedOutput::State : std::enable_shared_from_this<GuardedOutput::State> {
  struct Call;
  using CallPtr = std::unique_ptr<Call>;

  struct Shard {
    Loop* loop = nullptr;
    std::minstd_rand random;
    std::list<CallPtr> waiting;  ///< for their next attempt. This loop's thread only
  };

  State(std::string name, Policy given, GuardLimits bounds, OutputPort& port, const std::vector<Loop*>& loops,
        Log& out);

  void accept(OutputRequest&& request, std::uint32_t shard, OutputDone done);
  void attempt(CallPtr call);
  void on_result(CallPtr call, OutputResult&& result);
  void wait(CallPtr call, OutputResult&& result, std::uint64_t delay_ns);
  void on_due(Call& call);
  void finish(CallPtr call, OutputResult&& result);
  void end_waiting(Shard& shard);

  [[nodiscard]] bool may_follow(const Call& call) const;
  [[nodiscard]] CallPtr take_waiting(Call& call);
  bool enter_breaker(Call& call, OutputResult& refused);
  void leave_breaker(const Call& call, cleat_status status);
  [[nodiscard]] bool stays_open_until(std::uint64_t when_ns);
  void tell_breaker(Breaker::State before, std::uint64_t now_ns);
  void tell_retry(std::uint64_t delay_ns, std::string_view error, std::uint64_t now_ns);
  void tell_recovered(std::uint32_t attempts);

  const std::string component;
  const Policy policy;
  const GuardLimits limits;
  OutputPort& inner;
  Log& log;
  std::vector<Shard> shards;

  std::atomic<std::uint32_t> calls{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> stopped{false};

  std::mutex breaker_mutex;
  std::optional<Breaker> breaker;

  std::mutex telling_mutex;
  bool failing = false;  ///< the log says so
  std::uint64_t quiet_until_ns = 0;
};

struct GuardedOutput::State::Call {
  Call(std::shared_ptr<State> owner, OutputRequest&& what, std::uint32_t where, OutputDone how)
      : state(std::move(owner)),
        request(std::move(what)),
        done(std::move(how)),
        shard(where),
        bytes(request.data.size()),
        timer([this] { state->on_due(*this); }) {}

  [[nodiscard]] Shard& own_shard() const { return state->shards[shard]; }
  [[nodiscard]] std::uint64_t now_ns() const { return own_shard().loop->now_ns(); }
  [[nodiscard]] bool wanted() { return !request.still_wanted || request.still_wanted(); }

  const std::shared_ptr<State> state;
  OutputRequest request;
  OutputDone done;
  const std::uint32_t shard;
  const std::uint64_t bytes;
  std::uint32_t attempts = 0;
  std::uint64_t first_ns = 0;
  Breaker::Period period = 0;

  // While it waits.
  OutputResult last;
  std::uint64_t due_ns = 0;
  std::list<CallPtr>::iterator place;
  Timer timer;
};

GuardedOutput::State::State(std::string name, Policy given, GuardLimits bounds, OutputPort& port,
                            const std::vector<Loop*>& loops, Log& out)
    : component(std::move(name)), policy(std::move(given)), limits(bounds), inner(port), log(out) {
  if (policy.breaker) breaker.emplace(*policy.breaker);
  for (Loop* loop : loops) {
    const auto seed = loop->now_ns() ^ std::hash<std::string>{}(component) ^ shards.size();
    shards.push_back({loop, std::minstd_rand(static_cast<std::uint32_t>(seed)), {}});
  }
}

void GuardedOutput::State::accept(OutputRequest&& request, std::uint32_t shard, OutputDone done) {
  const std::uint64_t size = request.data.size();
  if (calls.load(std::memory_order_relaxed) >= limits.max_calls ||
      bytes.load(std::memory_order_relaxed) + size > limits.max_bytes) {
    return done(refusal(
        CLEAT_THROTTLED,
        fmt::format("{} calls of this binding run or wait to be repeated, more may not: try again later",
                    calls.load(std::memory_order_relaxed))));
  }
  calls.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
  if (policy.timeout_ns != 0) {
    request.timeout_ns =
        request.timeout_ns == 0 ? policy.timeout_ns : std::min(policy.timeout_ns, request.timeout_ns);
  }
  auto call = std::make_unique<Call>(shared_from_this(), std::move(request), shard, std::move(done));
  call->first_ns = call->now_ns();
  attempt(std::move(call));
}

/// Whether another attempt may come after the one that is counted last.
bool GuardedOutput::State::may_follow(const Call& call) const {
  if (!policy.retry || stopped.load(std::memory_order_acquire)) return false;
  return policy.retry->max_attempts == 0 || call.attempts < policy.retry->max_attempts;
}

void GuardedOutput::State::attempt(CallPtr call) {
  OutputResult refused;
  if (breaker && !enter_breaker(*call, refused)) return finish(std::move(call), std::move(refused));
  ++call->attempts;
  Call& held = *call;
  OutputRequest request;
  if (may_follow(held)) {
    request = copy_of(held.request);
  } else {
    // Nobody asks any more whether it is wanted.
    request = std::move(held.request);
    request.still_wanted = {};
  }
  inner.invoke(std::move(request), held.shard, [call = std::move(call)](OutputResult&& result) mutable {
    State& state = *call->state;
    const std::shared_ptr<State> alive = call->state;
    state.on_result(std::move(call), std::move(result));
  });
}

void GuardedOutput::State::on_result(CallPtr call, OutputResult&& result) {
  if (breaker) leave_breaker(*call, result.status);
  if (result.status == CLEAT_OK) {
    tell_recovered(call->attempts);
    return finish(std::move(call), std::move(result));
  }
  if (!may_follow(*call) || !may_get_better(result) || !matches(*policy.retry, result.status) ||
      !call->wanted())
    return finish(std::move(call), std::move(result));

  const std::uint64_t now = call->now_ns();
  const std::uint64_t least = result.retry_after_ms * kMillisecond;
  const std::uint64_t delay =
      std::max(least, policy.retry->wait.delay_ns(call->attempts, call->own_shard().random));
  const std::uint64_t most = policy.retry->max_elapsed_ns;
  if (most != 0 && now + delay - call->first_ns > most) return finish(std::move(call), std::move(result));
  if (breaker && stays_open_until(now + delay))
    return finish(std::move(call), refusal(CLEAT_UNAVAILABLE, "circuit breaker is open"));
  tell_retry(delay, result.error, now);
  wait(std::move(call), std::move(result), delay);
}

void GuardedOutput::State::wait(CallPtr call, OutputResult&& result, std::uint64_t delay_ns) {
  Call& held = *call;
  Shard& shard = held.own_shard();
  const std::uint64_t now = held.now_ns();
  held.last = std::move(result);
  held.due_ns = now + delay_ns;
  held.place = shard.waiting.insert(shard.waiting.end(), std::move(call));
  shard.loop->arm(held.timer, now + std::min(delay_ns, kAskWanted));
}

GuardedOutput::State::CallPtr GuardedOutput::State::take_waiting(Call& call) {
  CallPtr taken = std::move(*call.place);
  call.own_shard().waiting.erase(call.place);
  return taken;
}

void GuardedOutput::State::on_due(Call& call) {
  const std::shared_ptr<State> alive = shared_from_this();
  const std::uint64_t now = call.now_ns();
  if (stopped.load(std::memory_order_acquire) || !call.wanted()) {
    CallPtr taken = take_waiting(call);
    OutputResult last = std::move(taken->last);
    return finish(std::move(taken), std::move(last));
  }
  if (now < call.due_ns)
    return call.own_shard().loop->arm(call.timer, std::min(call.due_ns, now + kAskWanted));
  attempt(take_waiting(call));
}

void GuardedOutput::State::finish(CallPtr call, OutputResult&& result) {
  calls.fetch_sub(1, std::memory_order_relaxed);
  bytes.fetch_sub(call->bytes, std::memory_order_relaxed);
  OutputDone done = std::move(call->done);
  const std::shared_ptr<State> alive = call->state;
  call.reset();
  done(std::move(result));
}

void GuardedOutput::State::end_waiting(Shard& shard) {
  std::list<CallPtr> ended = std::move(shard.waiting);
  shard.waiting.clear();
  for (CallPtr& call : ended) {
    call->timer.disarm();
    OutputResult last = std::move(call->last);
    finish(std::move(call), std::move(last));
  }
}

bool GuardedOutput::State::enter_breaker(Call& call, OutputResult& refused) {
  const std::uint64_t now = call.now_ns();
  const std::lock_guard lock(breaker_mutex);
  const Breaker::State before = breaker->state(now);
  if (breaker->allows(now)) {
    call.period = breaker->begin(now);
    return true;
  }
  // daprd's texts. Half open, the attempts that probe are out already.
  refused = refusal(CLEAT_UNAVAILABLE,
                    before == Breaker::State::half_open ? "too many requests" : "circuit breaker is open");
  return false;
}

void GuardedOutput::State::leave_breaker(const Call& call, cleat_status status) {
  const std::uint64_t now = call.now_ns();
  const std::lock_guard lock(breaker_mutex);
  const Breaker::State before = breaker->state(now);
  if (status == CLEAT_OK) {
    breaker->succeeded(call.period, now);
  } else if (status == CLEAT_CANCELLED) {
    breaker->forget(call.period, now);
  } else {
    breaker->failed(call.period, now);
  }
  tell_breaker(before, now);
}

bool GuardedOutput::State::stays_open_until(std::uint64_t when_ns) {
  const std::lock_guard lock(breaker_mutex);
  return breaker->opens_at_ns() > when_ns;
}

// With the breaker's lock held; the log only enqueues.
void GuardedOutput::State::tell_breaker(Breaker::State before, std::uint64_t now_ns) {
  const Breaker::State after = breaker->state(now_ns);
  if (after == before) return;
  if (after == Breaker::State::open) {
    log.warn("the circuit breaker opened: calls of this output are refused until it has tried again",
             {{"component", component}, {"breaker", breaker->name()}});
  } else if (after == Breaker::State::closed) {
    log.info("the circuit breaker closed: the output is called again",
             {{"component", component}, {"breaker", breaker->name()}});
  }
}

// As daprd words it, but once until a call succeeds, and not again within kQuiet.
void GuardedOutput::State::tell_retry(std::uint64_t delay_ns, std::string_view error, std::uint64_t now_ns) {
  {
    const std::lock_guard lock(telling_mutex);
    if (failing || now_ns < quiet_until_ns) return;
    failing = true;
    quiet_until_ns = now_ns + kQuiet;
  }
  log.warn(fmt::format("Error processing operation component[{}] output. Retrying in {}", component,
                       format_duration(delay_ns)),
           {{"component", component}, {"error", error}});
}

void GuardedOutput::State::tell_recovered(std::uint32_t attempts) {
  if (!policy.retry) return;
  {
    const std::lock_guard lock(telling_mutex);
    if (!failing) return;
    failing = false;
  }
  log.info(fmt::format("Recovered processing operation component[{}] output after {} attempts", component,
                       attempts),
           {{"component", component}});
}

GuardedOutput::GuardedOutput(std::string component, Policy policy, GuardLimits limits, OutputPort& inner,
                             std::vector<Loop*> loops, Log& log)
    : state_(std::make_shared<State>(std::move(component), std::move(policy), limits, inner, loops, log)) {}

GuardedOutput::~GuardedOutput() {
  stop();
}

void GuardedOutput::invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) {
  state_->accept(std::move(request), shard, std::move(done));
}

void GuardedOutput::stop() {
  if (state_->stopped.exchange(true, std::memory_order_acq_rel)) return;
  for (State::Shard& shard : state_->shards)
    shard.loop->post([state = state_, &shard] { state->end_waiting(shard); });
}

}  // namespace cleat
