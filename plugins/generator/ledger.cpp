#include "ledger.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace cleat::generator {

Ledger::~Ledger() {
  if (file_ >= 0) ::close(file_);
}

std::set<std::uint64_t> Ledger::open(const std::string& path) {
  path_ = path;
  std::set<std::uint64_t> acknowledged;
  bool cut = false;  // the process was killed inside a write
  {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
      cut = in.eof();
      std::istringstream words(line);
      std::uint64_t number = 0;
      std::string verdict;
      if (words >> number >> verdict && verdict == "ack") acknowledged.insert(number);
    }
  }
  file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) {
    throw std::runtime_error("ledger: cannot open '" + path +
                             "' for writing: " + std::generic_category().message(errno) +
                             "; give a path in a folder that exists and is writable");
  }
  if (cut) append("\n");
  return acknowledged;
}

void Ledger::append(const std::string& lines) {
  for (std::string_view rest = lines; !rest.empty();) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw std::runtime_error("ledger: cannot write '" + path_ +
                               "': " + std::generic_category().message(errno));
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace cleat::generator
