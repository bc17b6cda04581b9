#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "app/app.hpp"
#include "base/end_process.hpp"
#include "cli/options.hpp"
#include "cli/wait.hpp"
#include "telemetry/log.hpp"

namespace {

// What is closed would be the next thing that is opened: a socket or an event descriptor that the log is written to.
void fill_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", O_RDWR));  // the lowest free one, which is this
  }
}

bool is_ignored(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// Blocked before any thread starts, so that every thread inherits it and only sigwait() sees them.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  if (!is_ignored(SIGHUP))
    sigaddset(&ending, SIGHUP);  // nohup ignores it, but sigwait() would take it all the same
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  return ending;
}

int wait_for_signal(const sigset_t& ending) {
  int signal = 0;
  while (sigwait(&ending, &signal) != 0) {
  }
  return signal;
}

// How many signals to end have come that sigwait() has not seen.
volatile std::sig_atomic_t ends_asked = 0;

// Without a thread that waits for it: the system may have none to give by then. `most`: so many more are borne.
void end_at_second_signal(const sigset_t& ending, int most) {
  ends_asked = -most;
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) {
      ends_asked = ends_asked + 1;
      if (ends_asked > 0) ::_exit(EXIT_FAILURE);
    });
  }
  if (!is_ignored(SIGHUP)) std::signal(SIGHUP, [](int) {});
  pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
}

// Where the program is by name: after an upgrade there is another one there.
std::string program() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  const std::string name(path.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  const std::string upgraded = name.substr(0, name.rfind(" (deleted)"));
  return ::access(upgraded.c_str(), X_OK) == 0 ? upgraded : "/proc/self/exe";
}

// As daprd does at SIGHUP: the same flags, and files that may have changed. Returns only if that cannot be.
void start_again(char** argv, const sigset_t& ending) {
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // what comes now is for the one that begins
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execv(program().c_str(), argv);
}

cleat::LogOptions log_options(const cleat::Options& options) {
  return {options.log_level, options.log_as_json, {options.app_id, cleat::host_name(), CLEAT_VERSION}};
}

int run(const cleat::Options& options, char** argv) {
  const sigset_t ending = block_signals();
  auto async_log = std::make_unique<cleat::AsyncLog>(log_options(options));
  cleat::Log& log = *async_log;
  for (const std::string& note : options.notes)
    log.warn(note);
  cleat::App app(options, cleat::Environment::read(), log);
  if (const cleat::Result<> started = app.start(); !started) {
    log.error(started.error().text);
    return EXIT_FAILURE;
  }
  const int signal = wait_for_signal(ending);
  const bool again = signal == SIGHUP;
  log.info(again ? "stopping, to start again with the same flags" : "stopping",
           {{"signal", strsignal(signal)}});
  end_at_second_signal(ending, again ? 1 : 0);
  const cleat::App::Stopped stopped = app.stop();
  if (again && ends_asked < 0) {  // not if it was told to end meanwhile
    async_log->flush();
    start_again(argv, ending);
    log.error("the host cannot start itself again", {{"reason", strerror(errno)}});
    async_log->flush();
    std::_Exit(EXIT_FAILURE);
  }
  if (stopped == cleat::App::Stopped::stuck) {
    async_log->flush();
    std::_Exit(EXIT_FAILURE);
  }
  return stopped == cleat::App::Stopped::well && !app.gave_up() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  const auto parsed = cleat::parse_options(argc, argv);
  if (const auto* exit = std::get_if<cleat::Exit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  const auto& options = std::get<cleat::Options>(parsed);
  if (options.wait) return cleat::wait_for_outbound_health(options);
  cleat::end_process(run(options, argv));
}
