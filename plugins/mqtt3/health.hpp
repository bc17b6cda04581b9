#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

namespace cleat::mqtt {

/// What the two clients of a component say. The host is told the worse of the two, once per change, and the log has a line for
/// what is bad and for its end. Thread-safe.
class Health {
 public:
  enum Part { input, output };

  explicit Health(Host host) : host_(host) {}
  void set(Part part, std::int32_t state, const std::string& why);
  [[nodiscard]] std::int32_t state(Part part) const;
  [[nodiscard]] std::string why(Part part) const;

 private:
  struct Says {
    std::int32_t state = CLEAT_HEALTH_UNKNOWN;
    std::string why;
  };
  Host host_;
  mutable std::mutex mutex_;
  std::array<Says, 2> parts_;
  Says told_;
};

}  // namespace cleat::mqtt
