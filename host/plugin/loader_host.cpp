#include "plugin/loader_host.hpp"

#include <fmt/format.h>

#include <ctime>
#include <span>
#include <utility>
#include <vector>

#include "plugin/abi.hpp"

namespace cleat {
namespace {

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

LogLevel level_of(std::int32_t level) {
  return level < CLEAT_LOG_TRACE || level > CLEAT_LOG_ERROR ? LogLevel::error : static_cast<LogLevel>(level);
}

}  // namespace

LoaderHost::LoaderHost() {
  table_.struct_size = sizeof table_;
  table_.abi_major = CLEAT_ABI_MAJOR;
  table_.abi_minor = CLEAT_ABI_MINOR;
  table_.name = "cleat";
  table_.version = CLEAT_VERSION;
  table_.impl = this;
  table_.get_extension = [](const cleat_host*, const char*) -> const void* { return nullptr; };
  table_.log_enabled = [](const cleat_host* host, std::int32_t level) {
    return self(host).log_enabled(level);
  };
  table_.log = [](const cleat_host* host, std::int32_t level, cleat_str message, const cleat_map* fields) {
    self(host).write(level, message, fields);
  };
  table_.now_ns = [](const cleat_host*) { return monotonic_ns(); };
  refuse_the_rest();
}

// There is no instance here that could have calls, events or tasks.
void LoaderHost::refuse_the_rest() {
  table_.post = [](const cleat_host* host, cleat_task, void*, std::uint64_t, std::uint32_t) -> cleat_status {
    self(host).misuse("post()");
    return CLEAT_CANCELLED;
  };
  table_.set_health = [](const cleat_host* host, std::int32_t, cleat_str) {
    self(host).misuse("set_health()");
  };
  table_.complete = [](const cleat_host* host, cleat_call*, cleat_response*, const cleat_failure*) {
    self(host).misuse("complete()");
  };
  table_.deliver = [](const cleat_host* host, cleat_event* const*, std::uint32_t,
                      std::uint32_t* accepted) -> cleat_status {
    self(host).misuse("deliver()");
    if (accepted != nullptr) *accepted = 0;
    return CLEAT_CANCELLED;
  };
  table_.withdraw = [](const cleat_host* host, std::int32_t, const std::uint64_t*, std::uint32_t) {
    self(host).misuse("withdraw()");
  };
}

void LoaderHost::lend(Log* log, std::string file) {
  const std::lock_guard lock(mutex_);
  log_ = log;
  file_ = std::move(file);
}

std::int32_t LoaderHost::log_enabled(std::int32_t level) {
  const std::lock_guard lock(mutex_);
  return log_ != nullptr && log_->enabled(level_of(level)) ? 1 : 0;
}

void LoaderHost::write(std::int32_t level, cleat_str message, const cleat_map* fields) {
  const std::lock_guard lock(mutex_);
  if (log_ == nullptr || !log_->enabled(level_of(level))) return;
  std::vector<LogField> all{{"file", file_}};
  for (std::size_t i = 0; fields != nullptr && i < fields->count; ++i) {
    all.push_back({from_abi(fields->items[i].key), from_abi(fields->items[i].value)});
  }
  log_->write(level_of(level), from_abi(message), std::span<const LogField>(all));
}

void LoaderHost::misuse(std::string_view function) {
  const std::lock_guard lock(mutex_);
  if (log_ == nullptr) return;
  log_->error(
      fmt::format(
          "the plugin misbehaves: it called {} on the table of its entry, which only logs and tells the time",
          function),
      {{"file", file_}});
}

}  // namespace cleat
