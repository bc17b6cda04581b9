#pragma once

#include <cstdint>
#include <string>

#include "base/task.hpp"
#include "delivery/output_finder.hpp"
#include "plugin/event.hpp"
#include "plugin/ports.hpp"

namespace cleat {

struct DeadLetterOptions {
  enum class To : std::uint8_t { nowhere, component, broker };
  To to = To::nowhere;
  std::string source;     ///< the component that the events come from
  std::string target;     ///< the output component
  std::string operation;  ///< of the target
  Pairs metadata;         ///< templates over {id} {component} {key} {lane} {attempts}
};

/// Writes events that are given up to an output component, with all that is known about why.
///
/// The target gets the event's bytes as they are, the operator's own metadata, and an envelope in cleat-* entries:
/// cleat-component, cleat-event-id, cleat-attempts, cleat-last-status, cleat-reason, cleat-first-seen, cleat-first-attempt,
/// cleat-last-attempt, cleat-key, cleat-lane, cleat-content-type. What the source said is data and never instruction: it
/// travels as cleat-src-<name>.
class DeadLetterWriter {
 public:
  DeadLetterWriter(DeadLetterOptions options, std::uint32_t shard, OutputFinder find);

  [[nodiscard]] DeadLetterOptions::To to() const { return options_.to; }
  [[nodiscard]] const std::string& target() const { return options_.target; }
  /// Begins to write. `done` runs once on the home thread, perhaps before this returns. The event has trouble. `attempts` are
  /// all that were made. Without its data where the event's trouble says envelope_only. Where the source has its own dead
  /// letters there is nothing to write.
  void write(const Event& event, std::uint32_t attempts, OutputDone done) const;

 private:
  [[nodiscard]] std::string fill_in(std::string_view text, const Event& event, std::uint32_t attempts) const;
  [[nodiscard]] Pairs metadata_of(const Event& event, std::uint32_t attempts) const;

  const DeadLetterOptions options_;
  const std::uint32_t shard_;
  const OutputFinder find_;
};

/// What names an event for people: the source's own stable name, or "#<number>" where it has none.
[[nodiscard]] std::string name_of(const Event& event);

}  // namespace cleat
