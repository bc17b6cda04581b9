#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace cleat::common {

/// What the parts of a component say of themselves: a client about its connection, reading about its progress. The host is
/// told the worst of them, once per change, and the log gets a line for what is bad and for its end. While a state stays the
/// same each way to say it has one line, however often they take turns. Thread-safe.
class HealthBoard {
 public:
  /// How the log calls a part, and what it says when the part is well again.
  struct Part {
    std::string name, well_again;
  };

  /// A part is known by its index. Of equal states the first one's words are told.
  HealthBoard(Host host, std::vector<Part> parts);

  void set(std::size_t part, std::int32_t state, const std::string& why);
  /// Tells the host its state again if it has heard nothing for four seconds: the sign of life that a manifest promises. To
  /// be called only where something that may hang has just come back.
  void beat();
  [[nodiscard]] std::int32_t state(std::size_t part) const;
  /// The sentence that goes with the state of this part.
  [[nodiscard]] std::string why(std::size_t part) const;

 private:
  struct Says {
    std::int32_t state = CLEAT_HEALTH_UNKNOWN;
    std::string why;
    std::vector<std::string> logged;  ///< of this state
  };
  void warn(std::size_t part);
  void report();
  void tell();

  Host host_;
  const std::vector<Part> parts_;
  mutable std::mutex mutex_;
  std::vector<Says> says_;  ///< of each part
  Says told_;
  std::uint64_t told_at_ns_ = 0;
};

}  // namespace cleat::common
