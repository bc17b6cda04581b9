#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/task.hpp"
#include "base/text.hpp"
#include "delivery/delivery_view.hpp"
#include "plugin/manifest.hpp"
#include "plugin/ports.hpp"

namespace cleat {

/// An output component as the API sees it. Lives as long as the snapshot that holds it.
struct Output {
  std::string name;
  std::vector<std::string> operations;  ///< in the manifest's order
  OutputPort* port = nullptr;           ///< nullptr: not running, and `why` says why
  std::string why;
  bool rich_status = false;
};

struct ComponentView {
  std::string name, type, version;
  std::vector<std::string> capabilities;  ///< INPUT_BINDING, OUTPUT_BINDING
  std::string state;                      ///< starting, running, degraded, paused, stalled, failed, stopping
  std::string subscription;  ///< input only: yes, no, asking, or "" where there is no application
  std::string reason;        ///< why it is not simply running
  std::uint64_t since_wall_ns = 0;
  std::uint32_t restarts = 0;  ///< of its instance, by the supervisor
  std::string last_error;      ///< of the component or of its delivery
  std::uint64_t last_error_wall_ns = 0;
  bool required = false;        ///< readiness waits for it
  bool is_left_out = false;     ///< it did not start, and its initPolicy is to go on without it
  std::uint32_t unsettled = 0;  ///< events that the plugin has out
  DeliveryView delivery;        ///< of an input that has begun
  Pairs details;                ///< what the plugin says of its far end
};

/// What a component's far end said when it was asked.
struct FarEnd {
  enum class Result : std::uint8_t {
    answers,
    silent,     ///< here and below `text` is a sentence
    not_asked,  ///< it cannot be asked now, or not at all
    not_found
  };
  Result result = Result::answers;
  std::string text;
};

/// What the API may ask of the host. All functions on any io thread, none blocks. Callbacks run once on the io thread that
/// asked, perhaps before the call returns.
class HostView {
 public:
  virtual ~HostView() = default;
  /// nullptr: no such output. The pointer is valid until the calling handler's invoke is done.
  [[nodiscard]] virtual const Output* find_output(std::string_view name) const = 0;

  /// In the order of the files.
  virtual void components(UniqueFunction<void(std::vector<ComponentView>&&)> done) const = 0;
  /// Events of a component that do not run, at most `most` of them in full. Nothing: there is no such input component.
  virtual void held_events(std::string_view component, std::size_t most,
                           UniqueFunction<void(std::optional<HeldEvents>&&)> done) const = 0;
  /// A person's word about one held event.
  virtual void decide(std::string_view component, std::string_view event, Decision decision,
                      UniqueFunction<void(Decided&&)> done) = 0;
  /// Stops reading and delivering; what does not run goes back to the source. Done once it was asked for, not once it is idle.
  virtual void pause(std::string_view component, UniqueFunction<void(Decided&&)> done) = 0;
  /// Asks the component's far end whether it answers, for three seconds at most.
  virtual void ping(std::string_view component, UniqueFunction<void(FarEnd&&)> done) = 0;
  /// Ends a pause or a stall.
  virtual void resume(std::string_view component, UniqueFunction<void(Decided&&)> done) = 0;

  /// What the host is still waiting for, in words; empty: healthy.
  [[nodiscard]] virtual std::vector<std::string> not_ready() const = 0;
  /// Beyond that, components with `required: true` that do not run as they should, in words. Empty: ready.
  virtual void required_not_ready(UniqueFunction<void(std::vector<std::string>&&)> done) const = 0;
  [[nodiscard]] virtual bool outbound_ready() const = 0;
  virtual void request_shutdown(bool force) = 0;
};

}  // namespace cleat
