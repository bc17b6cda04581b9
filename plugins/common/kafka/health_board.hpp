#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

namespace cleat::kafka {

/// What the parts of a component say: each client about its connection, and the reading of partitions about
/// itself. The host is told the worst of them, once per change, and the log gets a line for it. Thread-safe.
class HealthBoard {
 public:
  /// Of equal states the first one's words are told.
  enum Part { reading, consumer, producer };

  /// `service`: as it is called in the log.
  HealthBoard(Host host, std::string service) : host_(host), service_(std::move(service)) {}

  [[nodiscard]] const std::string& service() const { return service_; }

  void set(Part part, std::int32_t state, const std::string& why);
  /// Tells the host its state again if it has heard nothing for a while: the sign of life that the manifest promises. To be
  /// called only where something that may hang has just come back.
  void beat();
  [[nodiscard]] std::int32_t state(Part part) const;
  /// The sentence that goes with the state of this part.
  [[nodiscard]] std::string why(Part part) const;

 private:
  struct Says {
    std::int32_t state = CLEAT_HEALTH_UNKNOWN;
    std::string why;
  };
  void report();
  void tell();

  Host host_;
  const std::string service_;
  mutable std::mutex mutex_;
  std::array<Says, 3> parts_;
  Says told_;
  std::uint64_t told_at_ns_ = 0;
};

}  // namespace cleat::kafka
