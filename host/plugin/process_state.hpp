#pragma once

#include <sys/stat.h>

#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace cleat {

/// What belongs to the whole process and a plugin must leave alone: signal dispositions, locale, umask,
/// working directory. Taken before a plugin's code runs for the first time, compared after.
class ProcessState {
 public:
  ProcessState();
  ~ProcessState();
  ProcessState(const ProcessState&) = delete;
  ProcessState& operator=(const ProcessState&) = delete;

  /// Puts back what is different now and says what that was, in words; empty if nothing was.
  std::vector<std::string> restore();

 private:
  std::array<struct sigaction, NSIG> signals_{};
  std::string locale_;
  std::optional<mode_t> umask_;
  int directory_ = -1;
};

}  // namespace cleat
