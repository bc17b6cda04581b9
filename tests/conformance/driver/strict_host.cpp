#include "strict_host.hpp"

#include <cleat/values.hpp>

#include <utility>

namespace cleat::conformance {
namespace {

constexpr std::size_t kMostTasks = 1024;

std::string id_text(std::uint64_t id) {
  return std::to_string(id);
}

}  // namespace

StrictHost::StrictHost(Reporter& reporter) : reporter_(reporter) {
  table_.struct_size = sizeof table_;
  table_.abi_major = CLEAT_ABI_MAJOR;
  table_.abi_minor = CLEAT_ABI_MINOR;
  table_.name = "conformance";
  table_.version = "0";
  table_.impl = this;
  table_.get_extension = [](const cleat_host*, const char*) -> const void* { return nullptr; };
  table_.log_enabled = [](const cleat_host*, std::int32_t) -> std::int32_t { return 1; };
  table_.log = [](const cleat_host* h, std::int32_t level, cleat_str message, const cleat_map* fields) {
    of(h).log(level, message, fields);
  };
  table_.now_ns = [](const cleat_host*) { return now_ns(); };
  table_.post = [](const cleat_host* h, cleat_task task, void* arg, std::uint64_t not_before_ns,
                   std::uint32_t) { return of(h).post(task, arg, not_before_ns); };
  table_.set_health = [](const cleat_host* h, std::int32_t state, cleat_str why) {
    of(h).set_health(state, why);
  };
  table_.complete = [](const cleat_host* h, cleat_call* call, cleat_response* response,
                       const cleat_failure* failure) { of(h).complete(call, response, failure); };
  table_.deliver = [](const cleat_host* h, cleat_event* const* events, std::uint32_t count,
                      std::uint32_t* accepted) { return of(h).deliver(events, count, accepted); };
  table_.withdraw = [](const cleat_host* h, std::int32_t by, const std::uint64_t* ids, std::uint32_t count) {
    of(h).withdraw(by, ids, count);
  };
}

std::uint64_t StrictHost::now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// With the lock held.
void StrictHost::used(std::string_view function) {
  if (stopped_) reporter_.violation(std::string(function) + " after stop() had returned");
}

cleat_call* StrictHost::begin_call(std::unique_ptr<PendingCall> call, const cleat_request** request) {
  auto* token = reinterpret_cast<cleat_call*>(call.get());
  *request = &call->request;
  const std::lock_guard lock(mutex_);
  calls_[token] = std::move(call);
  return token;
}

std::size_t StrictHost::calls_out() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

void StrictHost::complete(cleat_call* token, cleat_response* response, const cleat_failure* failure) {
  // Its bytes are the host's from here on, whatever else is wrong.
  const Buffer data = response != nullptr ? Buffer(std::exchange(response->data, {})) : Buffer();
  std::unique_ptr<PendingCall> call;
  {
    const std::lock_guard lock(mutex_);
    used("complete()");
    const auto found = calls_.find(token);
    if (found == calls_.end()) {
      reporter_.violation("complete() of a call that is not out: completed twice, or never begun");
      return;
    }
    call = std::move(found->second);
    calls_.erase(found);
  }
  Line line;
  line.text("kind", "completed").number("id", static_cast<std::int64_t>(call->id));
  line.number("took_us", static_cast<std::int64_t>((now_ns() - call->began_ns) / 1000));
  line.number("status", failure != nullptr ? failure->code : CLEAT_OK);
  if (failure != nullptr) {
    line.number("flags", failure->flags).text("text", view(failure->text));
    if (failure->code == CLEAT_OK) reporter_.violation("complete() with a failure whose code is CLEAT_OK");
  }
  if (response != nullptr) {
    line.bytes("data", data.view()).text("content_type", view(response->content_type));
    line.map("metadata", response->metadata);
  }
  reporter_.say(std::move(line));
}

void StrictHost::log(std::int32_t level, cleat_str message, const cleat_map* fields) {
  const std::lock_guard lock(mutex_);
  used("log()");
  Line line;
  line.text("kind", "log").number("level", level).text("text", view(message));
  if (fields != nullptr) line.map("fields", *fields);
  reporter_.say(std::move(line));
}

void StrictHost::set_health(std::int32_t state, cleat_str why) {
  const std::lock_guard lock(mutex_);
  used("set_health()");
  if (state < CLEAT_HEALTH_UNKNOWN || state > CLEAT_HEALTH_STALLED) {
    reporter_.violation("set_health() with the unknown state " + std::to_string(state));
  }
  if (view(why).find('\n') != std::string_view::npos) {
    reporter_.violation("set_health() with more than one line");
  }
  reporter_.say(Line().text("kind", "health").number("state", state).text("text", view(why)));
}

cleat_status StrictHost::post(cleat_task task, void* arg, std::uint64_t not_before_ns) {
  const std::lock_guard lock(mutex_);
  used("post()");
  if (stopping_) return CLEAT_CANCELLED;
  if (tasks_.size() >= kMostTasks) return CLEAT_AGAIN;
  tasks_.emplace(not_before_ns, Task{task, arg});
  return CLEAT_OK;
}

std::optional<StrictHost::Task> StrictHost::take_due() {
  const std::lock_guard lock(mutex_);
  if (tasks_.empty() || tasks_.begin()->first > now_ns()) return std::nullopt;
  const Task task = tasks_.begin()->second;
  tasks_.erase(tasks_.begin());
  return task;
}

std::optional<std::uint64_t> StrictHost::run_due() {
  while (const auto task = take_due())
    task->run(task->arg, 0);
  const std::lock_guard lock(mutex_);
  return tasks_.empty() ? std::nullopt : std::optional(tasks_.begin()->first);
}

void StrictHost::stopping() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

void StrictHost::stopped() {
  std::multimap<std::uint64_t, Task> rest;
  {
    const std::lock_guard lock(mutex_);
    if (!calls_.empty()) {
      reporter_.violation("stop() returned with " + std::to_string(calls_.size()) + " calls not completed");
    }
    stopped_ = true;
    rest.swap(tasks_);
  }
  for (const auto& [when, task] : rest)
    task.run(task.arg, 1);
}

void StrictHost::open(const cleat_window& window) {
  const std::lock_guard lock(mutex_);
  window_ = window;
  open_ = true;
}

void StrictHost::shut() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

std::size_t StrictHost::unsettled() const {
  const std::lock_guard lock(mutex_);
  return unsettled_.size();
}

cleat_status StrictHost::deliver(cleat_event* const* events, std::uint32_t count, std::uint32_t* accepted) {
  const std::lock_guard lock(mutex_);
  *accepted = 0;
  used("deliver()");
  if (!open_) return CLEAT_CANCELLED;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!take_in(*events[i])) return CLEAT_AGAIN;
    ++*accepted;
  }
  return CLEAT_OK;
}

/// With the lock held.
void StrictHost::check_new(const cleat_event& event) {
  const std::string name = "deliver(): event " + id_text(event.id);
  if (!ids_.insert(event.id).second) reporter_.violation(name + " has the number of an earlier event");
  if (event.lane == 0) return;
  if (closed_lanes_.count(event.lane) != 0) {
    reporter_.violation(name + " is in lane " + id_text(event.lane) + ", which was closed");
  }
  const std::uint32_t out = ++per_lane_[event.lane];
  if (window_.max_per_lane != 0 && out > window_.max_per_lane) {
    reporter_.violation(name + " is number " + std::to_string(out) +
                        " of its lane that is out, the window allows " +
                        std::to_string(window_.max_per_lane));
  }
}

/// With the lock held. The rules of the window are those of the real host.
bool StrictHost::take_in(cleat_event& event) {
  const std::uint64_t bytes = unsettled_bytes_ + event.data.len;
  const bool full =
      unsettled_.size() >= window_.max_events || (window_.max_bytes != 0 && bytes > window_.max_bytes);
  if (window_.max_events == 0 || (full && !unsettled_.empty())) return false;
  check_new(event);
  const Buffer data(std::exchange(event.data, {}));
  unsettled_[event.id] = {event.lane, data.view().size()};
  unsettled_bytes_ += data.view().size();
  Line line;
  line.text("kind", "event").number("id", static_cast<std::int64_t>(event.id));
  line.number("lane", static_cast<std::int64_t>(event.lane)).bytes("data", data.view());
  line.text("content_type", view(event.content_type)).text("source_id", view(event.source_id));
  line.text("key", view(event.key)).number("delivery_count", event.delivery_count);
  line.map("metadata", event.metadata);
  reporter_.say(std::move(line));
  return true;
}

void StrictHost::withdraw(std::int32_t by, const std::uint64_t* ids, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  used("withdraw()");
  for (std::uint32_t i = 0; i < count; ++i) {
    if (by == CLEAT_BY_LANE && ids[i] == 0) reporter_.violation("withdraw() of lane 0");
    for (const auto& [id, event] : unsettled_) {
      if ((by == CLEAT_BY_EVENT ? id : event.lane) == ids[i]) withdrawn_.insert(id);
    }
    if (by == CLEAT_BY_LANE) closed_lanes_.insert(ids[i]);
  }
}

std::vector<cleat_settlement> StrictHost::withdrawn() {
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    ids.assign(withdrawn_.begin(), withdrawn_.end());
    withdrawn_.clear();
  }
  return ids.empty() ? std::vector<cleat_settlement>() : settlements(CLEAT_ABANDON, 0, 0, ids);
}

std::vector<cleat_settlement> StrictHost::settlements(std::int32_t verdict, std::uint32_t after_ms,
                                                      std::uint32_t flags,
                                                      const std::vector<std::uint64_t>& ids) {
  const std::lock_guard lock(mutex_);
  std::vector<cleat_settlement> items;
  const auto take = [&](std::uint64_t id, std::int32_t what) {
    const auto found = unsettled_.find(id);
    if (found == unsettled_.end()) return std::uint64_t{0};
    const std::uint64_t lane = found->second.lane;
    unsettled_bytes_ -= found->second.bytes;
    if (lane != 0 && --per_lane_[lane] == 0) per_lane_.erase(lane);
    unsettled_.erase(found);
    cleat_settlement one{};
    one.struct_size = sizeof one;
    one.verdict = what;
    one.event_id = id;
    one.requeue_after_ms = after_ms;
    one.flags = what == CLEAT_ABANDON ? flags : 0;
    items.push_back(one);
    return lane;
  };
  std::set<std::uint64_t> given_back;
  for (const std::uint64_t id : ids) {
    const std::uint64_t lane = take(id, verdict);
    if (lane != 0 && (verdict == CLEAT_REQUEUE || verdict == CLEAT_ABANDON)) given_back.insert(lane);
  }
  for (const std::uint64_t lane : given_back) {
    closed_lanes_.insert(lane);
    std::vector<std::uint64_t> rest;
    for (const auto& [id, event] : unsettled_) {
      if (event.lane == lane) rest.push_back(id);
    }
    for (const std::uint64_t id : rest)
      take(id, CLEAT_ABANDON);
  }
  return items;
}

}  // namespace cleat::conformance
