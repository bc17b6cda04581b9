#include "plugin/instance.hpp"

#include <fmt/core.h>

#include <array>
#include <mutex>

#include "plugin/abi.hpp"
#include "plugin/calls.hpp"
#include "plugin/intake.hpp"
#include "plugin/pool.hpp"
#include "plugin/tasks.hpp"

namespace cleat {
namespace {

enum class State { none, created, running, reading, stopped, stuck };

/// What a [control] function of the plugin writes its error into.
class ErrorText {
 public:
  ErrorText() {
    error_.struct_size = sizeof error_;
    error_.text = text_.data();
    error_.text_cap = text_.size();
  }
  cleat_error* out() { return &error_; }

  Result<> result(cleat_status status, std::string_view component, std::string_view function) const {
    if (status == CLEAT_OK) return {};
    const std::string_view text(text_.data(), std::min(error_.text_len, text_.size()));
    return fail(fmt::format("component '{}': {} failed ({}): {}", component, function, status_name(status),
                            text.empty() ? "the plugin gave no reason" : text),
                status == CLEAT_UNAVAILABLE || (error_.flags & CLEAT_RETRYABLE) != 0);
  }

 private:
  std::array<char, 2048> text_{};
  cleat_error error_{};
};

LogLevel to_level(std::int32_t level) {
  switch (level) {
    case CLEAT_LOG_TRACE:
      return LogLevel::trace;
    case CLEAT_LOG_DEBUG:
      return LogLevel::debug;
    case CLEAT_LOG_INFO:
      return LogLevel::info;
    case CLEAT_LOG_WARN:
      return LogLevel::warn;
    default:
      return LogLevel::error;
  }
}

}  // namespace

struct Instance::Impl {
  Impl(const cleat_binding_type& table, const BindingType& type, InstanceOptions given, Loop& home,
       std::vector<Loop*> loops, Log& log)
      : table(table),
        type(type),
        options(std::move(given)),
        home(home),
        shard_count(static_cast<std::uint32_t>(loops.size())),
        log(log),
        pool(type.serial ? 1 : options.blocking_threads, options.max_calls),
        calls(table, type, options.component,
              {options.invoke_timeout_ns, options.max_calls, options.max_call_bytes, type.max_concurrency},
              home, std::move(loops), type.blocking ? &pool : nullptr, log),
        intake(table, options.component, home, log),
        tasks(home, &pool) {
    fill_host_table();
  }

  static Impl& of(const cleat_host* host) { return *static_cast<Impl*>(host->impl); }

  void fill_host_table() {
    host.struct_size = sizeof host;
    host.abi_major = CLEAT_ABI_MAJOR;
    host.abi_minor = CLEAT_ABI_MINOR;
    host.name = "cleat";
    host.version = CLEAT_VERSION;
    host.impl = this;
    host.get_extension = [](const cleat_host*, const char*) -> const void* { return nullptr; };
    host.log_enabled = [](const cleat_host* h, std::int32_t level) -> std::int32_t {
      return of(h).log.enabled(to_level(level)) ? 1 : 0;
    };
    host.log = [](const cleat_host* h, std::int32_t level, cleat_str message, const cleat_map* fields) {
      of(h).write_log(level, message, fields);
    };
    host.now_ns = [](const cleat_host* h) { return of(h).home.now_ns(); };
    host.post = [](const cleat_host* h, cleat_task task, void* arg, std::uint64_t not_before_ns,
                   std::uint32_t flags) { return of(h).tasks.post(task, arg, not_before_ns, flags); };
    host.set_health = [](const cleat_host* h, std::int32_t state, cleat_str why) {
      of(h).set_health(state, why);
    };
    host.complete = [](const cleat_host* h, cleat_call* call, cleat_response* response,
                       const cleat_failure* failure) { of(h).calls.complete(call, response, failure); };
    host.deliver = [](const cleat_host* h, cleat_event* const* events, std::uint32_t count,
                      std::uint32_t* accepted) { return of(h).intake.deliver(events, count, accepted); };
    host.withdraw = [](const cleat_host* h, std::int32_t by, const std::uint64_t* ids, std::uint32_t count) {
      of(h).intake.withdraw(by, ids, count);
    };
  }

  void write_log(std::int32_t level, cleat_str message, const cleat_map* fields) {
    if (!log.enabled(to_level(level))) return;
    std::vector<LogField> all{{"component", options.component}};
    for (std::size_t i = 0; fields != nullptr && i < fields->count; ++i) {
      all.push_back({from_abi(fields->items[i].key), from_abi(fields->items[i].value)});
    }
    log.write(to_level(level), from_abi(message), std::span<const LogField>(all));
  }

  void set_health(std::int32_t new_state, cleat_str why) {
    intake.note_sign();
    const std::lock_guard lock(health_mutex);
    health = {new_state, std::string(from_abi(why))};
  }

  Result<> init(const cleat_binding_type& plugin) {
    std::vector<cleat_kv> metadata, facts;
    cleat_config config{};
    config.struct_size = sizeof config;
    config.directions = options.directions;
    config.shards = shard_count;
    config.component = to_abi(options.component);
    config.type = to_abi(type.type);
    config.version = to_abi(type.version);
    config.metadata = to_abi(options.metadata, metadata);
    config.facts = to_abi(options.facts, facts);
    ErrorText error;
    return error.result(plugin.init(self, &config, error.out()), options.component, "init");
  }

  void close_plugin() {
    table.close(self);
    self = nullptr;
  }

  const cleat_binding_type& table;
  const BindingType type;
  const InstanceOptions options;
  Loop& home;
  const std::uint32_t shard_count;
  Log& log;
  cleat_host host{};
  void* self = nullptr;
  std::atomic<State> state{State::none};

  mutable std::mutex health_mutex;
  InstanceHealth health;

  Pool pool;
  Calls calls;
  Intake intake;
  Tasks tasks;
};

Instance::Instance(const cleat_binding_type& table, const BindingType& type, InstanceOptions options,
                   Loop& home, std::vector<Loop*> shards, Log& log)
    : impl_(std::make_unique<Impl>(table, type, std::move(options), home, std::move(shards), log)) {}

// A stuck plugin may still use the host table, its calls and its request data: they stay valid for ever.
Instance::~Instance() {
  if (impl_->state == State::stuck) static_cast<void>(impl_.release());
}

Result<> Instance::open(std::uint64_t deadline_ns) {
  Impl& me = *impl_;
  ErrorText error;
  const Result<> created =
      error.result(me.table.create(&me.host, &me.self, error.out()), me.options.component, "create");
  if (!created) return created;
  me.calls.attach(me.self);
  me.intake.attach(me.self);
  me.state = State::created;
  Result<> opened = me.init(me.table);
  if (opened) {
    ErrorText start_error;
    opened = start_error.result(me.table.start(me.self, deadline_ns, start_error.out()), me.options.component,
                                "start");
  }
  if (!opened) {
    me.tasks.close();
    if (!me.tasks.cancel_all(deadline_ns)) {
      me.state = State::stuck;
      return opened;
    }
    me.close_plugin();
    me.state = State::none;
    return opened;
  }
  me.state = State::running;
  return {};
}

Result<> Instance::begin_input(EventSink& sink, const Window& window) {
  Impl& me = *impl_;
  me.intake.open(sink, window);
  const cleat_window out{sizeof out, window.max_events, window.max_bytes, window.max_per_lane, 0};
  ErrorText error;
  Result<> begun =
      error.result(me.table.begin_input(me.self, &out, error.out()), me.options.component, "begin_input");
  if (!begun) {
    me.intake.shut();
    return begun;
  }
  me.state = State::reading;
  me.intake.allow_window();
  return {};
}

Result<> Instance::end_input(std::uint64_t deadline_ns) {
  Impl& me = *impl_;
  if (me.state != State::reading) return {};
  me.intake.forbid_window();
  ErrorText error;
  Result<> ended =
      error.result(me.table.end_input(me.self, deadline_ns, error.out()), me.options.component, "end_input");
  me.intake.shut();
  me.state = State::running;
  return ended;
}

Result<> Instance::ping(std::uint64_t deadline_ns) {
  Impl& me = *impl_;
  ErrorText error;
  return error.result(me.table.ping(me.self, deadline_ns, error.out()), me.options.component, "ping");
}

bool Instance::can_ping() const {
  return impl_->table.ping != nullptr;
}

Result<> Instance::stop(std::uint64_t deadline_ns) {
  Impl& me = *impl_;
  if (me.state != State::running && me.state != State::reading) return {};
  me.calls.close();
  me.tasks.close();
  ErrorText error;
  Result<> stopped =
      error.result(me.table.stop(me.self, deadline_ns, error.out()), me.options.component, "stop");
  const bool tasks_done = me.tasks.cancel_all(deadline_ns);
  // What the host itself still refuses, in the pool's queue and on the loops, may take a moment longer than the plugin.
  me.calls.wait_completed(deadline_ns);
  if (!tasks_done) {
    me.state = State::stuck;
    return fail(
        fmt::format("component '{}': the plugin misbehaves: a posted task still runs after stop returned",
                    me.options.component));
  }
  if (const std::uint32_t open = me.calls.open(); open > 0) {
    me.state = State::stuck;
    return fail(
        fmt::format("component '{}': the plugin misbehaves: stop returned while {} calls are not completed",
                    me.options.component, open));
  }
  me.state = State::stopped;
  return stopped;
}

void Instance::close() {
  if (impl_->state != State::stopped) return;
  impl_->close_plugin();
  impl_->state = State::none;
}

void Instance::abandon() {
  impl_->state = State::stuck;
}

bool Instance::is_stuck() const {
  return impl_->state == State::stuck;
}

void Instance::invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) {
  impl_->calls.invoke(std::move(request), shard, std::move(done));
}

void Instance::settle(std::span<Settlement> settlements) {
  impl_->intake.settle(settlements);
}

void Instance::set_window(const Window& window) {
  impl_->intake.set_window(window);
}

InstanceHealth Instance::health() const {
  const std::lock_guard lock(impl_->health_mutex);
  return impl_->health;
}

std::uint64_t Instance::last_sign_ns() const {
  return impl_->intake.last_sign_ns();
}

std::uint32_t Instance::unsettled_events() const {
  return impl_->intake.unsettled();
}

std::uint32_t Instance::open_calls() const {
  return impl_->calls.open();
}

}  // namespace cleat
