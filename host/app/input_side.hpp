#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "api/host_view.hpp"
#include "app/binding_context.hpp"
#include "app/control.hpp"
#include "delivery/dispatcher.hpp"
#include "delivery/subscription.hpp"
#include "plugin/instance.hpp"
#include "policy/backoff.hpp"

namespace cleat {

/// How an input component's events are delivered: everything that its file and the Resiliency files decide.
struct InputSettings {
  RouteRequest route;
  DispatcherOptions dispatcher;
  bool ask_application = true;  ///< whether it wants the events
};

/// The input half of one running instance: its way to the application, its dispatcher, its subscription, and when it reads.
/// All functions on the component's home thread; begin_input and end_input run on the component's control thread.
class InputSide {
 public:
  /// Everything outlives it. `on_changed` runs on the home thread when reading ended or failed to begin.
  InputSide(const BindingContext& context, InputSettings settings, std::size_t home_shard, Instance& instance,
            Control& control, std::uint32_t random_seed, UniqueFunction<void()> on_changed);

  /// Asks the application, where it is to be asked, then begins to read.
  void start();
  /// Ends reading: no new event in, what does not run is abandoned. May be called again.
  void end();
  /// Reads again, after end() became idle.
  void resume();
  /// No event is out and no control call under way.
  [[nodiscard]] bool is_idle() const { return reading_ == Reading::no; }
  /// After end(): cuts the attempts that still run, and names them in the log.
  void cut();
  [[nodiscard]] bool is_reading() const { return reading_ == Reading::yes; }
  /// Why it does not read although it should; empty: it does, or nobody asked it to.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  void describe(ComponentView& view);
  [[nodiscard]] Dispatcher& dispatcher() { return *dispatcher_; }

 private:
  enum class Reading : std::uint8_t { no, asking, beginning, yes, ending };

  void begin();
  void on_begun(const Result<>& begun);
  void submit_end();
  void check_idle();

  const BindingContext& context_;
  const std::string component_;
  Loop& home_;
  Instance& instance_;
  Control& control_;
  std::minstd_rand random_;
  UniqueFunction<void()> on_changed_;

  std::unique_ptr<Application> application_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Subscription> subscription_;
  Reading reading_ = Reading::no;
  bool dispatcher_idle_ = true;
  bool intake_ended_ = true;
  Timer begin_again_;
  std::uint32_t begins_failed_ = 0;
  std::string trouble_;
};

}  // namespace cleat
