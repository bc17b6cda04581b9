#include "plugin/process_state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <clocale>
#include <cstring>
#include <fstream>
#include <string_view>

namespace cleat {
namespace {

/// umask(2) cannot be asked without setting it, which other threads would notice; the kernel tells it here.
std::optional<mode_t> current_umask() {
  constexpr std::string_view kLabel = "Umask:\t";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kLabel)) continue;
    mode_t mask = 0;
    std::from_chars(line.data() + kLabel.size(), line.data() + line.size(), mask, 8);
    return mask;
  }
  return std::nullopt;
}

std::string current_locale() {
  const char* name = std::setlocale(LC_ALL, nullptr);
  return name == nullptr ? "C" : name;
}

bool same_handler(const struct sigaction& a, const struct sigaction& b) {
  const bool same_flags = a.sa_flags == b.sa_flags;
  return same_flags &&
         ((a.sa_flags & SA_SIGINFO) != 0 ? a.sa_sigaction == b.sa_sigaction : a.sa_handler == b.sa_handler);
}

bool same_directory(int a, int b) {
  struct stat left {
  }, right{};
  return ::fstat(a, &left) == 0 && ::fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
         left.st_ino == right.st_ino;
}

int open_current_directory() {
  return ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

ProcessState::ProcessState()
    : locale_(current_locale()), umask_(current_umask()), directory_(open_current_directory()) {
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, nullptr, &signals_[static_cast<std::size_t>(signal)]);
}

ProcessState::~ProcessState() {
  if (directory_ >= 0) ::close(directory_);
}

std::vector<std::string> ProcessState::restore() {
  std::vector<std::string> changes;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction now {};
    const struct sigaction& before = signals_[static_cast<std::size_t>(signal)];
    if (::sigaction(signal, nullptr, &now) != 0 || same_handler(now, before)) continue;
    const char* name = ::sigabbrev_np(signal);
    ::sigaction(signal, &before, nullptr);
    changes.push_back(name == nullptr ? fmt::format("the handler of signal {}", signal)
                                      : fmt::format("the handler of SIG{}", name));
  }
  if (const std::string now = current_locale(); now != locale_) {
    std::setlocale(LC_ALL, locale_.c_str());
    changes.push_back(fmt::format("the locale (\"{}\")", now));
  }
  if (const auto now = current_umask(); now && umask_ && *now != *umask_) {
    ::umask(*umask_);
    changes.push_back(fmt::format("the umask ({:03o})", *now));
  }
  const int now = open_current_directory();
  if (directory_ >= 0 && !(now >= 0 && same_directory(now, directory_)) && ::fchdir(directory_) == 0) {
    changes.emplace_back("the working directory");
  }
  if (now >= 0) ::close(now);
  return changes;
}

}  // namespace cleat
