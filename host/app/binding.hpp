#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "api/host_view.hpp"
#include "app/binding_context.hpp"
#include "app/control.hpp"
#include "app/input_side.hpp"
#include "app/vigil.hpp"
#include "config/metadata.hpp"
#include "policy/guarded_output.hpp"

namespace cleat {

/// One component at run time, supervised: its plugin instance, its input half and the output that callers see, how they start,
/// start again, pause and stop. Calls into the plugin take place on the component's own control thread.
class Binding {
 public:
  Binding(const BindingContext& context, Component component, std::size_t home_shard,
          std::uint32_t random_seed);
  ~Binding();

  [[nodiscard]] const std::string& name() const { return component_.name; }
  [[nodiscard]] const Component& component() const { return component_; }
  [[nodiscard]] Loop& home() const { return home_; }

  /// Begins to start; returns at once.
  void start();
  /// Whether the first attempt to start has ended, well or not. Any thread.
  [[nodiscard]] bool start_known() const { return start_known_.load(std::memory_order_acquire); }
  /// Whether the host is to end because this component failed to start: `initPolicy: fail`. Any thread.
  [[nodiscard]] bool is_fatal() const { return fatal_.load(std::memory_order_acquire); }

  /// The output as the API sees it, or nullptr where this component is none. On an io thread, valid until that thread's
  /// current handler returns.
  [[nodiscard]] const Output* output() const { return output_.load(std::memory_order_acquire); }

  // Home thread.
  [[nodiscard]] ComponentView view();
  /// nullptr: it reads no events now.
  [[nodiscard]] Dispatcher* dispatcher() { return input_ ? &input_->dispatcher() : nullptr; }
  /// Whether it reads events or may come to: what has not started is not known for an output only.
  [[nodiscard]] bool may_be_input() const {
    return live_ == nullptr || (metadata_.host.directions & CLEAT_IN) != 0;
  }
  [[nodiscard]] Decided pause();
  [[nodiscard]] Decided resume();
  /// Asks the far end on the control thread, where `done` runs, or at once if it cannot be asked. One question at a time.
  void ping(UniqueFunction<void(FarEnd&&)> done);

  // Stopping, in this order, by one thread.
  /// No new event in: intake ends, what does not run is abandoned.
  void stop_input();
  /// Whether all running events are settled and the intake has ended. Any thread.
  [[nodiscard]] bool input_idle() const { return input_idle_.load(std::memory_order_acquire); }
  /// Cuts the attempts that still run and names them in the log.
  void cut_input();
  /// No further attempts of output calls: what waits for one is answered.
  void stop_output();
  /// Begins to stop the instance. Only when no invoke() can come any more.
  void stop_instance(std::uint64_t deadline_ns);
  /// Waits for the control thread. False: the plugin holds it; nothing of this component may be freed.
  [[nodiscard]] bool wait_stopped(std::uint64_t deadline_ns);

 private:
  enum class State : std::uint8_t { starting, running, failed, stopping };

  [[nodiscard]] InitPolicy init_policy() const;
  void try_start();
  Result<> open_instance();
  Result<> read_settings();
  [[nodiscard]] Error no_plugin() const;
  void start_failed(const Error& error);
  void publish(std::shared_ptr<const Output> output);
  void publish_running();
  void publish_unavailable(const std::string& why);
  void on_started();
  void make_input();
  void on_input_changed();
  void set_state(State state, std::string reason);
  void note_error(std::string text);

  void watch();
  void begin_replacing(std::string why);
  void replace_instance();
  void turn_loops_over() const;
  void describe_condition(ComponentView& view, const InstanceHealth& health) const;

  const BindingContext& context_;
  const Component component_;
  const std::size_t home_shard_;
  Loop& home_;
  std::minstd_rand random_;

  // Control thread, until start is known.
  const BindingType* type_ = nullptr;
  CheckedMetadata metadata_;
  InputSettings input_settings_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<GuardedOutput> guard_;
  std::uint32_t starts_failed_ = 0;  ///< in a row
  bool has_run_ = false;

  // Home thread.
  Instance* live_ = nullptr;  ///< the instance, once it has started
  std::unique_ptr<InputSide> input_;
  bool paused_ = false;
  bool asking_ = false;                  ///< the far end, on the control thread
  bool replacing_ = false;               ///< the watchdog asked for a new instance
  std::uint64_t replace_cut_at_ns_ = 0;  ///< when attempts that still run no longer hold that up
  Timer start_again_;
  Timer watchdog_;
  Vigil vigil_;

  std::atomic<bool> start_known_{false}, fatal_{false};
  std::atomic<bool> stopping_{false}, input_idle_{false};
  std::atomic<const Output*> output_{nullptr};
  std::vector<std::shared_ptr<const Output>>
      outputs_;  ///< the present one last; those before it until their calls are done

  mutable std::mutex state_mutex_;
  State state_ = State::starting;
  std::string reason_, last_error_;
  std::uint64_t since_wall_ns_ = 0, last_error_wall_ns_ = 0;
  std::uint32_t restarts_ = 0;

  Control control_;
};

}  // namespace cleat
