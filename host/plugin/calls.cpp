#include "plugin/calls.hpp"

#include <fmt/core.h>

#include <chrono>

#include "plugin/abi.hpp"
#include "plugin/hot_watch.hpp"

namespace cleat {
namespace {

// A token is the slot's address with the slot's generation in the 16 bits that user addresses leave free.
constexpr unsigned kAddressBits = 48;
constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;

enum Phase : std::uint32_t { kFree, kOpen, kCompleted };

constexpr std::uint32_t phase_word(std::uint16_t generation, Phase phase) {
  return std::uint32_t{generation} << 2 | phase;
}

// The call whose invoke() is on this thread's stack: its completion needs no post.
thread_local const void* t_invoking = nullptr;

}  // namespace

struct Calls::Call {
  Call(Calls& owner, std::uint32_t shard)
      : calls(owner), shard(shard), deadline([this] { calls.on_deadline(*this); }) {}

  Calls& calls;
  const std::uint32_t shard;
  std::uint16_t generation = 0;
  std::atomic<std::uint32_t> phase{phase_word(0, kFree)};

  // Valid from invoke() until the completion, never changed in between.
  OutputRequest held;
  std::vector<cleat_kv> metadata;
  cleat_request request{};

  // Written by whoever completes, read on the own io thread afterwards.
  OutputResult result;

  // Own io thread only.
  OutputDone done;
  Timer deadline;
  bool answered = false;
  bool completed_inside_invoke = false;

  std::atomic<bool> abandoned{false};

  [[nodiscard]] cleat_call* token() const {
    return reinterpret_cast<cleat_call*>(reinterpret_cast<std::uint64_t>(this) | std::uint64_t{generation}
                                                                                     << kAddressBits);
  }
};

Calls::Calls(const cleat_binding_type& table, const BindingType& type, std::string component,
             CallLimits limits, Loop& home, std::vector<Loop*> shards, Pool* pool, Log& log)
    : table_(table),
      component_(std::move(component)),
      limits_(limits),
      serial_(type.serial),
      home_(home),
      shards_(std::move(shards)),
      pool_(pool),
      log_(log) {
  for (std::size_t i = 0; i < shards_.size(); ++i)
    slots_.push_back(std::make_unique<Shard>());
}

Calls::~Calls() = default;

Calls::Call& Calls::take_slot(std::uint32_t shard) {
  Shard& mine = *slots_[shard];
  if (mine.free.empty()) return mine.slots.emplace_back(*this, shard);
  Call& call = *mine.free.back();
  mine.free.pop_back();
  return call;
}

void Calls::free_slot(Call& call) {
  call.held = {};
  call.result = {};
  call.done = {};
  ++call.generation;
  call.phase.store(phase_word(call.generation, kFree), std::memory_order_release);
  slots_[call.shard]->free.push_back(&call);
}

void Calls::invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) {
  const std::uint64_t bytes = request.data.size();
  if (open_.load(std::memory_order_relaxed) >= limits_.max_calls ||
      open_bytes_.load(std::memory_order_relaxed) + bytes > limits_.max_bytes) {
    OutputResult full;
    full.status = CLEAT_THROTTLED;
    full.retryable = true;
    full.error = fmt::format("{} calls wait for this binding, more may not: try again later",
                             open_.load(std::memory_order_relaxed));
    done(std::move(full));
    return;
  }
  open_.fetch_add(1, std::memory_order_relaxed);
  open_bytes_.fetch_add(bytes, std::memory_order_relaxed);

  Call& call = take_slot(shard);
  call.held = std::move(request);
  call.held
      .still_wanted = {};  // nobody asks here, and an abandoned call must not keep its caller's connection
  call.done = std::move(done);
  call.answered = false;
  call.abandoned.store(false, std::memory_order_relaxed);

  cleat_request& out = call.request;
  out.struct_size = sizeof out;
  out.call_id = next_id_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t timeout_ns = call.held.timeout_ns != 0 ? call.held.timeout_ns : limits_.timeout_ns;
  out.deadline_ns = shards_[shard]->now_ns() + timeout_ns;
  out.operation = to_abi(call.held.operation);
  out.content_type = to_abi(call.held.content_type);
  out.metadata = to_abi(call.held.metadata, call.metadata);
  out.data = call.held.data.data();
  out.data_len = call.held.data.size();
  out.traceparent = to_abi(call.held.traceparent);
  out.tracestate = to_abi(call.held.tracestate);
  out.baggage = to_abi(call.held.baggage);
  out.shard = shard;
  call.phase.store(phase_word(call.generation, kOpen), std::memory_order_release);
  shards_[shard]->arm(call.deadline, out.deadline_ns);

  if (limits_.max_concurrency > 0) {
    const std::lock_guard lock(waiting_mutex_);
    if (begun_ >= limits_.max_concurrency) {
      waiting_.push_back(&call);
      return;
    }
    ++begun_;
  }
  begin(call);
}

// On the call's own io thread.
void Calls::begin(Call& call) {
  if (pool_ != nullptr) {
    if (!pool_->submit([this, &call] { call_plugin(call); })) {
      refuse(call, CLEAT_THROTTLED,
             "the component's blocking pool takes no more: its queue is full, or the system gives it no "
             "thread; try again later");
    }
  } else if (serial_ && !home_.is_current()) {
    home_.post([this, &call] { call_plugin(call); });
  } else {
    call_plugin_here(call);
  }
}

// Completes a call that the plugin never sees.
void Calls::refuse(Call& call, cleat_status status, std::string_view why) {
  const cleat_failure failure{sizeof failure, status, 0, 0, 0, to_abi(why)};
  complete(call.token(), nullptr, &failure);
}

bool Calls::may_begin(Call& call) {
  if (closed_.load(std::memory_order_acquire)) {
    refuse(call, CLEAT_CANCELLED, "the component is stopping");
    return false;
  }
  if (call.abandoned.load(std::memory_order_acquire)) {
    refuse(call, CLEAT_TIMEOUT, "the deadline passed before the call began");
    return false;
  }
  return true;
}

// Anywhere but on the call's own io thread: once the plugin has it, the slot may be finished and reused at any time.
void Calls::call_plugin(Call& call) {
  if (may_begin(call)) table_.invoke(self_, &call.request, call.token());
}

void Calls::call_plugin_here(Call& call) {
  const void* const outer = std::exchange(t_invoking, &call);
  call.completed_inside_invoke = false;
  if (may_begin(call)) {
    const HotWatch watch(home_, log_, component_, "invoke");
    table_.invoke(self_, &call.request, call.token());
  }
  t_invoking = outer;
  if (call.completed_inside_invoke) finish(call);
}

void Calls::complete(cleat_call* token, const cleat_response* response, const cleat_failure* failure) {
  const auto word = reinterpret_cast<std::uint64_t>(token);
  auto* const call = reinterpret_cast<Call*>(word & kAddressMask);
  const auto generation = static_cast<std::uint16_t>(word >> kAddressBits);
  std::uint32_t expected = phase_word(generation, kOpen);
  if (call == nullptr || !call->phase.compare_exchange_strong(expected, phase_word(generation, kCompleted),
                                                              std::memory_order_acq_rel)) {
    log_.error(
        "the plugin misbehaves: it completed a call that is not open; each call is completed exactly once",
        {{"component", component_}});
    if (response != nullptr) Buffer(copy_in(*response).data);
    return;
  }
  take_result(*call, response, failure);
  const bool here = t_invoking == call;
  if (here) call->completed_inside_invoke = true;
  open_bytes_.fetch_sub(call->request.data_len, std::memory_order_relaxed);
  if (limits_.max_concurrency > 0) begin_next_waiting();
  // Once open_ is down, stop() may return: nothing of this object may be touched by this thread after the post.
  Loop& own = *shards_[call->shard];
  if (!here) own.post([this, call] { finish(*call); });
  if (!closed_.load(std::memory_order_acquire)) {
    open_.fetch_sub(1, std::memory_order_release);
    return;
  }
  const std::lock_guard lock(closing_mutex_);
  open_.fetch_sub(1, std::memory_order_release);
  completed_.notify_all();
}

void Calls::wait_completed(std::uint64_t deadline_ns) {
  const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
  std::unique_lock lock(closing_mutex_);
  // In short turns, since a completion that began before close() does not notify.
  while (open() > 0 && std::chrono::steady_clock::now() < deadline)
    completed_.wait_for(lock, std::chrono::milliseconds(20));
}

void Calls::take_result(Call& call, const cleat_response* response, const cleat_failure* failure) {
  OutputResult& result = call.result;
  if (failure != nullptr) {
    const cleat_failure given = copy_in(*failure);
    result.status = given.code == CLEAT_OK ? CLEAT_INTERNAL : given.code;
    result.retryable = (given.flags & CLEAT_RETRYABLE) != 0;
    result.retry_after_ms = given.retry_after_ms;
    result.error = from_abi(given.text);
    if (result.error.empty()) result.error = status_name(result.status);
  }
  if (response != nullptr) {
    const cleat_response given = copy_in(*response);
    result.has_body = true;
    result.data = Buffer(given.data);
    result.content_type = from_abi(given.content_type);
    result.metadata = copy_pairs(given.metadata);
  }
}

void Calls::begin_next_waiting() {
  Call* next = nullptr;
  {
    const std::lock_guard lock(waiting_mutex_);
    if (waiting_.empty()) {
      --begun_;
      return;
    }
    next = waiting_.front();
    waiting_.pop_front();
  }
  shards_[next->shard]->post([this, next] { begin(*next); });
}

// On the call's own io thread.
void Calls::finish(Call& call) {
  call.deadline.disarm();
  OutputResult result = std::move(call.result);
  OutputDone done = std::move(call.done);
  const bool answered = call.answered;
  free_slot(call);
  if (!answered) done(std::move(result));
}

void Calls::on_deadline(Call& call) {
  call.answered = true;
  call.abandoned.store(true, std::memory_order_release);
  if (serial_ && pool_ == nullptr && !home_.is_current()) {
    home_.post([this, id = call.request.call_id] { cancel(id); });
  } else {
    cancel(call.request.call_id);
  }
  OutputResult late;
  late.status = CLEAT_TIMEOUT;
  late.retryable = true;
  late.error = "context deadline exceeded";  // daprd's text for a call that took too long
  OutputDone done = std::move(call.done);
  done(std::move(late));
}

void Calls::cancel(std::uint64_t call_id) {
  if (!CLEAT_CAN(cleat_binding_type, &table_, cancel) || closed_.load(std::memory_order_acquire)) return;
  const HotWatch watch(home_, log_, component_, "cancel");
  table_.cancel(self_, call_id);
}

void Calls::close() {
  closed_.store(true, std::memory_order_release);
  if (limits_.max_concurrency == 0) return;
  std::deque<Call*> waiting;
  {
    const std::lock_guard lock(waiting_mutex_);
    waiting.swap(waiting_);
    begun_ += static_cast<std::uint32_t>(waiting.size());
  }
  for (Call* call : waiting)
    refuse(*call, CLEAT_CANCELLED, "the component is stopping");
}

}  // namespace cleat
