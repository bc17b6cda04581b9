#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "base/text.hpp"

namespace cleat {

/// Times one [hot] call into a plugin: it runs on an io thread and must return at once, so 10 ms is worth a warning.
class HotWatch {
 public:
  HotWatch(const Loop& clock, Log& log, std::string_view component, std::string_view function)
      : clock_(clock), log_(log), component_(component), function_(function), began_ns_(clock.now_ns()) {}
  HotWatch(const HotWatch&) = delete;
  HotWatch& operator=(const HotWatch&) = delete;
  ~HotWatch() {
    const std::uint64_t took_ns = clock_.now_ns() - began_ns_;
    if (took_ns < 10 * kMillisecond) return;
    log_.warn("the plugin held an io thread: a function that must return at once took long",
              {{"component", component_}, {"function", function_}, {"took", format_duration(took_ns)}});
  }

 private:
  const Loop& clock_;
  Log& log_;
  std::string_view component_, function_;
  std::uint64_t began_ns_;
};

}  // namespace cleat
