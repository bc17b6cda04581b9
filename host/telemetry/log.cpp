#include "telemetry/log.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "base/text.hpp"
#include "telemetry/fd_sink.hpp"

namespace cleat {
namespace {

constexpr std::size_t kMaxWaiting = 512;

// The host's signals are for its own threads, and a closed pipe shall be an error of write(), not the end of
// the process.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct AsyncLog::Impl {
  std::shared_ptr<FdSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> thread;
  std::shared_ptr<spdlog::async_logger> logger;
};

AsyncLog::AsyncLog(LogOptions options) : options_(std::move(options)), impl_(std::make_unique<Impl>()) {
  impl_->sink = std::make_shared<FdSink>(options_.fd, [this](std::size_t lost) {
    return format_log_line(
        options_.as_json, options_.identity, wall_now_ns(), LogLevel::warn,
        fmt::format("{} log lines were dropped because the reader of this log was too slow", lost), {});
  });
  impl_->thread = std::make_shared<spdlog::details::thread_pool>(kMaxWaiting, 1, block_signals);
  impl_->sink->count_lost_with([pool = impl_->thread.get()] { return pool->overrun_counter(); });
  impl_->logger = std::make_shared<spdlog::async_logger>("cleat", impl_->sink, impl_->thread,
                                                         spdlog::async_overflow_policy::overrun_oldest);
  impl_->logger->set_level(spdlog::level::trace);
  // spdlog would write to stderr; an output that is gone is nothing that a line could be written about.
  impl_->logger->set_error_handler([](const std::string&) {});
}

AsyncLog::~AsyncLog() {
  impl_->sink->hurry(options_.patience_at_end);
  impl_->logger.reset();
  impl_->thread.reset();
}

void AsyncLog::flush() {
  impl_->sink->hurry(options_.patience_at_end);
  impl_->sink->flush_with([this] { impl_->logger->flush(); }, options_.patience_at_end);
}

void AsyncLog::write(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  if (!enabled(level)) return;
  const std::string line =
      format_log_line(options_.as_json, options_.identity, wall_now_ns(), level, message, fields);
  impl_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

std::uint64_t AsyncLog::dropped() const {
  return impl_->thread->overrun_counter();
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace cleat
