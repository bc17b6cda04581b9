#pragma once

#include <cleat/plugin.h>

#include <mutex>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace cleat {

/// The host table that a plugin's entry and load() are given: it logs and tells the time, everything else is
/// refused. To be kept for ever, because a plugin may keep the pointer; the log is not, so it is only lent
/// while the file is being opened, and lines that come later are dropped. The table's functions may be called
/// on any thread.
class LoaderHost {
 public:
  LoaderHost();
  LoaderHost(const LoaderHost&) = delete;
  LoaderHost& operator=(const LoaderHost&) = delete;

  [[nodiscard]] const cleat_host* table() const { return &table_; }
  /// nullptr ends the loan.
  void lend(Log* log, std::string file);

 private:
  static LoaderHost& self(const cleat_host* host) { return *static_cast<LoaderHost*>(host->impl); }

  void refuse_the_rest();
  std::int32_t log_enabled(std::int32_t level);
  void write(std::int32_t level, cleat_str message, const cleat_map* fields);
  void misuse(std::string_view function);

  cleat_host table_{};
  std::mutex mutex_;
  Log* log_ = nullptr;
  std::string file_;
};

}  // namespace cleat
