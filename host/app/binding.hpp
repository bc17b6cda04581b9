#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "api/host_view.hpp"
#include "app/control.hpp"
#include "base/log.hpp"
#include "base/loop.hpp"
#include "cli/options.hpp"
#include "config/component.hpp"
#include "config/metadata.hpp"
#include "delivery/dispatcher.hpp"
#include "delivery/subscription.hpp"
#include "plugin/catalogue.hpp"
#include "plugin/instance.hpp"

namespace cleat {

/// What an input component's way to the application is made from.
struct RouteRequest {
  std::string component, type, path;
  bool content_type_from_source = false;
};

/// What all components share. Outlives them.
struct BindingContext {
  const Options& options;
  const Catalogue& catalogue;
  std::string plugin_places;  ///< the plugin directories, for messages
  std::vector<Loop*> loops;
  Log& log;
  Pairs facts;
  /// Makes a component's way to the application, on the home loop it is given; empty: there is no application.
  std::function<std::unique_ptr<Application>(std::size_t home, const RouteRequest&)> make_route;
  /// Opens a plugin's file, one at a time.
  std::function<Result<const cleat_plugin*>(const CatalogueEntry&)> open_library;
  /// Something became known: that a component has started or not, that an input is idle. Any thread.
  std::function<void()> changed;
};

/// One component at run time: its plugin instance, its dispatcher and its subscription, and the order in which they start and
/// stop. Starting and stopping take place on the component's own control thread.
class Binding {
 public:
  Binding(const BindingContext& context, Component component, std::size_t home_shard,
          std::uint32_t random_seed);
  ~Binding();

  [[nodiscard]] const std::string& name() const { return component_.name; }
  [[nodiscard]] const Component& component() const { return component_; }

  /// Begins to start; returns at once.
  void start();
  /// Whether the first attempt to start has ended, well or not. Any thread.
  [[nodiscard]] bool start_known() const { return start_known_.load(std::memory_order_acquire); }
  /// Whether it failed for good. Any thread.
  [[nodiscard]] bool failed() const;
  [[nodiscard]] std::string reason() const;

  /// The output as the API sees it, or nullptr where this component is none. On an io thread, valid until that thread's
  /// current handler returns.
  [[nodiscard]] const Output* output() const { return output_.load(std::memory_order_acquire); }
  [[nodiscard]] ComponentView view() const;

  // Stopping, in this order, by one thread.
  /// No new event in: intake ends, what does not run is abandoned.
  void stop_input();
  /// Whether all running events are settled and the intake has ended. Any thread.
  [[nodiscard]] bool input_idle() const { return input_idle_.load(std::memory_order_acquire); }
  /// Cuts the attempts that still run and names them in the log.
  void cut_input();
  /// Begins to stop the instance. Only when no invoke() can come any more.
  void stop_instance(std::uint64_t deadline_ns);
  /// Waits for the control thread. False: the plugin holds it; nothing of this component may be freed.
  [[nodiscard]] bool wait_stopped(std::uint64_t deadline_ns);

 private:
  enum class State { starting, running, failed, stopping };

  void try_start();
  Result<> open_instance();
  void start_failed(const Error& error);
  void publish(std::shared_ptr<const Output> output);
  void publish_running();
  void publish_unavailable(const std::string& why);
  void prepare_input();
  void begin_input();
  void set_state(State state, std::string reason);
  [[nodiscard]] Error no_plugin() const;
  void check_input_idle();

  const BindingContext& context_;
  const Component component_;
  const std::size_t home_shard_;
  Loop& home_;
  std::minstd_rand random_;

  // Control thread, until start is known.
  const BindingType* type_ = nullptr;
  CheckedMetadata metadata_;
  std::unique_ptr<Instance> instance_;
  std::uint32_t starts_failed_ = 0;

  // Home thread.
  std::unique_ptr<Application> application_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Subscription> subscription_;
  Timer start_again_;
  Timer begin_again_;
  std::uint32_t begins_failed_ = 0;
  bool dispatcher_idle_ = false;
  bool intake_ended_ = false;

  std::atomic<bool> start_known_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> input_idle_{false};
  std::atomic<const Output*> output_{nullptr};
  std::shared_ptr<const Output> output_owner_;

  mutable std::mutex view_mutex_;  ///< guards the four below, and the unique_ptrs above against view()
  State state_ = State::starting;
  std::string reason_;
  std::uint64_t since_wall_ns_ = 0;
  bool reading_ = false;

  Control control_;
};

}  // namespace cleat
