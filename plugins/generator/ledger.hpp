#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace cleat::generator {

/// An append-only file, one line "<number> <verdict>" per settled event, so that a test that kills the host
/// can judge afterwards what became of each number. A line is in the file's cache once append() returned: it
/// outlives the process, not the machine.
class Ledger {
 public:
  Ledger() = default;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  /// Creates the file or goes on with it. Returns the numbers that it says were acknowledged. Throws
  /// std::runtime_error.
  std::set<std::uint64_t> open(const std::string& path);
  [[nodiscard]] bool is_open() const { return file_ >= 0; }
  /// Whole lines. Throws std::runtime_error.
  void append(const std::string& lines);

 private:
  std::string path_;
  int file_ = -1;
};

}  // namespace cleat::generator
