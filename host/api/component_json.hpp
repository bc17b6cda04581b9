#pragma once

#include <cstdint>

#include "api/host_view.hpp"
#include "api/json_writer.hpp"

namespace cleat {

/// Which of the two documents that tell of components is written.
enum class ComponentDocument : std::uint8_t {
  admin,    ///< all of it
  metadata  ///< beside daprd's own list: without type, version and capabilities, and with its older names
};

/// What is told of a component, as one JSON object. What there is not (a reason, an error, an event in trouble) is left out,
/// counts are always there for an input. `now_wall_ns`: for ages.
void write_component(JsonWriter& writer, const ComponentView& component, ComponentDocument document,
                     std::uint64_t now_wall_ns);

/// One event that does not run, as one JSON object.
void write_held_event(JsonWriter& writer, const HeldEvent& event, std::uint64_t now_wall_ns);

}  // namespace cleat
