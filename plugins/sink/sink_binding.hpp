#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <string>

namespace cleat::sink {

/// The output binding "bindings.sink": keeps what it is given in a file, one line per call, for tests that
/// look at what became of an event. A line is with the system before its call is completed, and is written
/// at once, so that it outlives a killed process and several components may share a file.
class SinkBinding {
 public:
  explicit SinkBinding(Host /*host*/) {}
  SinkBinding(const SinkBinding&) = delete;
  SinkBinding& operator=(const SinkBinding&) = delete;
  ~SinkBinding();

  void init(const Config& config);
  void start(Deadline deadline);
  void invoke(const Request& request, Call&& call);

 private:
  void append(std::string line);

  std::string path_, down_path_;
  std::uint64_t max_bytes_ = 0;
  int file_ = -1;
  bool cut_ = false;  ///< the last line is a part of one
};

}  // namespace cleat::sink
