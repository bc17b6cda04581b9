#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/host_view.hpp"
#include "app/app_port.hpp"
#include "app/binding.hpp"
#include "base/asio_loop.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "cli/options.hpp"
#include "http/app_connections.hpp"
#include "http/server.hpp"
#include "plugin/catalogue.hpp"

namespace cleat {

/// What the process reads from its environment, once.
struct Environment {
  std::string api_token, app_token, namespace_name, pod_name;
  static Environment read();
};

/// The composition root: builds the rooms, owns them, starts and stops them in order.
class App final : public HostView {
 public:
  App(const Options& options, Environment environment, Log& log);
  ~App() override;

  /// Opens the API and begins to start every component; returns without waiting for any. Main thread.
  Result<> start();
  /// Whether it asked for its own end because --strict-dapr does not forgive a component that fails to start. Any thread.
  [[nodiscard]] bool gave_up() const { return gave_up_.load(std::memory_order_acquire); }

  enum class Stopped {
    well,
    late,  ///< events were abandoned, or calls were cut, at the deadline
    stuck  ///< a plugin's thread is still inside: nothing may be freed any more, the process has to end from here
  };
  /// Stops everything in order, each step bounded. Main thread.
  Stopped stop();

  // HostView
  [[nodiscard]] const Output* find_output(std::string_view name) const override;
  void components(UniqueFunction<void(std::vector<ComponentView>&&)> done) const override;
  void held_events(std::string_view component, std::size_t most,
                   UniqueFunction<void(std::optional<HeldEvents>&&)> done) const override;
  void decide(std::string_view component, std::string_view event, Decision decision,
              UniqueFunction<void(Decided&&)> done) override;
  void pause(std::string_view component, UniqueFunction<void(Decided&&)> done) override;
  void resume(std::string_view component, UniqueFunction<void(Decided&&)> done) override;
  [[nodiscard]] std::vector<std::string> not_ready() const override;
  void ping(std::string_view component, UniqueFunction<void(FarEnd&&)> done) override;
  void required_not_ready(UniqueFunction<void(std::vector<std::string>&&)> done) const override;
  [[nodiscard]] bool outbound_ready() const override;
  void request_shutdown(bool force) override;

 private:
  Result<> load();
  void make_channels();
  [[nodiscard]] http::ServerOptions server_options() const;
  [[nodiscard]] http::AppOptions app_options() const;
  void find_plugins();
  void check_ready();
  void ask_to_end();
  [[nodiscard]] bool intolerable() const;
  void hold_shutdown() const;
  [[nodiscard]] Loop& current_loop() const;
  [[nodiscard]] Binding* find_binding(std::string_view name) const;
  template <class Answer>
  void ask(std::string_view component, UniqueFunction<Answer(Binding&)> work, Answer unknown,
           UniqueFunction<void(Answer&&)> done) const;
  bool stop_inputs(std::uint64_t deadline_ns);
  Stopped stop_api(std::uint64_t deadline_ns);
  bool stop_instances(std::uint64_t deadline_ns);

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  const Options& options_;
  const Environment environment_;
  Log& log_;
  std::vector<std::unique_ptr<AsioLoop>> loops_;
  std::vector<std::thread> threads_;
  Catalogue catalogue_;
  std::mutex library_mutex_;
  std::unique_ptr<BindingContext> context_;
  std::vector<std::unique_ptr<http::AppConnections>>
      connections_;  ///< one per loop; none without an application
  std::vector<std::unique_ptr<Binding>> bindings_;
  std::unordered_map<std::string, Binding*, NameHash, std::equal_to<>> by_name_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<AppPort> app_port_;
  std::unique_ptr<Timer> start_patience_;
  std::uint64_t began_ns_ = 0;
  bool patience_over_ = false;  ///< loop 0 only
  std::atomic<bool> outbound_ready_{false}, ready_{false}, gave_up_{false}, asked_to_end_{false},
      stopping_{false};
  mutable std::mutex changed_mutex_;
  std::condition_variable changed_;
};

}  // namespace cleat
