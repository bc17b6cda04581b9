#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

namespace cleat::nats {

/// What the two directions of a component say of themselves, each about its own connection. The host is told the worse of
/// them, once per change, and the log gets a line for it. Thread-safe.
class Health {
 public:
  enum Part { input, output };

  explicit Health(Host host) : host_(host) {}

  void set(Part part, std::int32_t state, const std::string& why);
  /// Tells the host its state again if it has heard nothing for a while: the sign of life that the manifest promises. To be
  /// called only where something that may hang has just come back.
  void beat();
  [[nodiscard]] std::string why(Part part) const;

 private:
  struct Says {
    std::int32_t state = CLEAT_HEALTH_UNKNOWN;
    std::string why;
  };
  void tell();

  Host host_;
  mutable std::mutex mutex_;
  std::array<Says, 2> parts_;
  Says told_;
  std::uint64_t told_at_ns_ = 0;
};

}  // namespace cleat::nats
