#include "app/app.hpp"

#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <random>

#include "base/text.hpp"
#include "config/substitute.hpp"
#include "http/app_channel.hpp"
#include "plugin/library.hpp"

namespace cleat {
namespace {

// A component that takes longer to start than this no longer holds up outbound health.
constexpr std::uint64_t kStartPatience = 6 * kSecond;
// Go's HTTP server grants this much beyond the configured size of the headers, so daprd does.
constexpr std::uint32_t kHeaderSlack = 4096;
constexpr std::uint64_t kCutTime = 1 * kSecond;
constexpr std::uint64_t kApiDrainTime = 2 * kSecond;
constexpr std::uint64_t kApiPatience =
    10 * kSecond;  ///< where the grace period has no end, as daprd's HTTP server
constexpr std::uint64_t kInstanceStopTime = 5 * kSecond;

std::string environment_text(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string host_id() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

Environment Environment::read() {
  return {environment_text("DAPR_API_TOKEN"), environment_text("APP_API_TOKEN"),
          environment_text("NAMESPACE"), environment_text("POD_NAME")};
}

App::App(const Options& options, Environment environment, Log& log)
    : options_(options), environment_(std::move(environment)), log_(log), began_ns_(monotonic_now_ns()) {
  for (std::uint32_t i = 0; i < options_.io_threads; ++i)
    loops_.push_back(std::make_unique<AsioLoop>());
}

App::~App() {
  for (const auto& loop : loops_)
    loop->stop();
  for (std::thread& thread : threads_)
    thread.join();
}

http::ServerOptions App::server_options() const {
  http::ServerOptions server;
  server.addresses = options_.listen_addresses;
  server.port = options_.http_port;
  server.limits.message.body_bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(options_.max_body_size, 0));
  server.limits.message.header_bytes = static_cast<std::uint32_t>(options_.read_buffer_size) + kHeaderSlack;
  server.router.api_token = environment_.api_token;
  server.router.strict_dapr = options_.strict_dapr;
  server.router.facts = {options_.app_id,
                         CLEAT_VERSION,
                         options_.app_port,
                         options_.app_channel_address,
                         options_.app_max_concurrency,
                         context_->policies.documents};
  return server;
}

Result<> App::start() {
  if (const Result<> loaded = load(); !loaded) return loaded;
  std::vector<AsioLoop*> loops;
  for (const auto& loop : loops_)
    loops.push_back(loop.get());
  server_ = std::make_unique<http::Server>(server_options(), std::move(loops), *this, log_);
  const Result<std::uint16_t> port = server_->listen();
  if (!port) return port.error();
  for (const auto& loop : loops_)
    threads_.emplace_back([&loop = *loop] { loop.run(); });
  for (const std::string& address : options_.listen_addresses) {
    log_.info(fmt::format("HTTP API is listening on {}:{}", address, *port));
  }
  for (const auto& binding : bindings_)
    binding->start();
  loops_[0]->post([this] {
    start_patience_ = std::make_unique<Timer>([this] {
      patience_over_ = true;
      check_ready();
    });
    loops_[0]->arm(*start_patience_, loops_[0]->now_ns() + kStartPatience);
    if (app_port_) app_port_->wait();
    check_ready();
  });
  return {};
}

void App::find_plugins() {
  std::vector<std::filesystem::path> places = options_.plugin_dirs;
  if (places.empty()) {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    for (const std::filesystem::path& usual :
         {self.parent_path() / "plugins", std::filesystem::path(CLEAT_PLUGINDIR)}) {
      if (std::filesystem::is_directory(usual, error)) places.push_back(usual);
    }
  }
  catalogue_ = Catalogue::scan(places, is_host_field);
  for (const Catalogue::Reject& reject : catalogue_.rejects())
    log_.error(reject.sentence);
  for (const std::string& warning : catalogue_.warnings())
    log_.warn(warning);
  std::string names;
  for (const std::filesystem::path& place : places)
    names += (names.empty() ? "" : ", ") + place.string();
  context_->plugin_places = names.empty() ? "a plugin directory (--plugin-dir)" : names;
}

Result<> App::load() {
  ComponentSelection selection;
  selection.app_id = options_.app_id;
  selection.namespace_name = environment_.namespace_name;
  selection.pod_name = environment_.pod_name;
  selection.strict_dapr = options_.strict_dapr;
  // daprd puts these into its own environment, for whoever reads it.
  selection.environment = [this](const std::string& name) -> std::optional<std::string> {
    if (name == "APP_ID") return options_.app_id;
    if (name == "APP_PORT" && options_.app_port != 0) return fmt::to_string(options_.app_port);
    return process_environment(name);
  };
  Result<ComponentFiles> files = load_components(options_.resources_paths, selection);
  if (!files) return files.error();
  for (const std::string& warning : files->warnings)
    log_.warn(warning);

  context_ = std::make_unique<BindingContext>(
      BindingContext{options_, catalogue_, log_, {}, {}, {}, std::move(files->policies), {}, {}, {}, {}, {}});
  for (const auto& loop : loops_)
    context_->loops.push_back(loop.get());
  context_->facts = {
      {"app-id", options_.app_id},
      {"namespace", environment_.namespace_name.empty() ? "default" : environment_.namespace_name},
      {"pod-name", environment_.pod_name},
      {"host-id", host_id()},
      {"strict-dapr", options_.strict_dapr ? "true" : "false"}};
  context_->open_library = [this](const CatalogueEntry& entry) {
    const std::lock_guard lock(library_mutex_);
    return cleat::open_library(entry, log_);
  };
  context_->find_component = [this](std::string_view name) {
    const Binding* const binding = find_binding(name);
    return binding == nullptr ? nullptr : &binding->component();
  };
  context_->find_output = [this](std::string_view name, std::string_view operation,
                                 std::string& why) -> OutputPort* {
    const Output* const output = find_output(name);
    if (output == nullptr) {
      why = fmt::format("there is no output component '{}'", name);
    } else if (output->port == nullptr) {
      why = fmt::format("the component '{}' is not running: {}", name, output->why);
    } else if (std::find(output->operations.begin(), output->operations.end(), operation) ==
               output->operations.end()) {
      why = fmt::format("the component '{}' does not offer the operation {}", name, operation);
    } else {
      return output->port;
    }
    return nullptr;
  };
  context_->changed = [this] {
    loops_[0]->post([this] { check_ready(); });
    const std::lock_guard lock(changed_mutex_);
    changed_.notify_all();
  };
  find_plugins();
  make_channels();

  // With a limit over all inputs they share one thread, so that the limit needs no lock.
  const std::size_t homes = options_.app_max_concurrency > 0 ? 1 : loops_.size();
  std::random_device seed;
  for (Component& component : files->components) {
    if (!component.type.starts_with("bindings.")) {
      log_.warn(
          fmt::format("{}: type '{}' is not served: only bindings are", component.where(), component.type));
      continue;
    }
    bindings_.push_back(
        std::make_unique<Binding>(*context_, std::move(component), bindings_.size() % homes, seed()));
    by_name_.emplace(bindings_.back()->name(), bindings_.back().get());
  }
  return {};
}

http::AppOptions App::app_options() const {
  http::AppOptions app;
  app.address = options_.app_channel_address;
  app.port = options_.app_port;
  app.api_token = environment_.app_token;
  app.version = CLEAT_VERSION;
  app.strict_dapr = options_.strict_dapr;
  app.max_concurrency = static_cast<std::uint32_t>(std::max(options_.app_max_concurrency, 0));
  return app;
}

void App::make_channels() {
  if (options_.app_port == 0) return;
  for (const auto& loop : loops_) {
    connections_.push_back(std::make_unique<http::AppConnections>(app_options(), *loop));
  }
  context_->make_route = [this](std::size_t home, const RouteRequest& request) {
    return std::make_unique<http::AppChannel>(
        http::AppChannelOptions{request.path, request.type, request.content_type_from_source,
                                request.reads_answers, request.handler_timeout_ns},
        *connections_[home]);
  };
  app_port_ = std::make_unique<AppPort>(*loops_[0], options_.app_channel_address, options_.app_port, log_,
                                        [this] { check_ready(); });
}

bool App::intolerable() const {
  return std::any_of(bindings_.begin(), bindings_.end(),
                     [](const auto& binding) { return binding->is_fatal(); });
}

// Loop 0.
void App::check_ready() {
  if (stopping_.load(std::memory_order_acquire)) return;
  if (intolerable()) {
    if (gave_up_.exchange(true)) return;
    log_.error("a component failed to start, and its initPolicy is that the host does not go on without it");
    ask_to_end();
    return;
  }
  if (!outbound_ready_.load(std::memory_order_relaxed)) {
    const bool known =
        std::all_of(bindings_.begin(), bindings_.end(), [](const auto& b) { return b->start_known(); });
    if (!known && !patience_over_) return;
    outbound_ready_.store(true, std::memory_order_release);
  }
  if (ready_.load(std::memory_order_relaxed) || (app_port_ && !app_port_->reached())) return;
  ready_.store(true, std::memory_order_release);
  // With daprd's name for those who wait for its line.
  log_.info(fmt::format("{} initialized. Status: Running. Init Elapsed {}ms",
                        options_.strict_dapr ? "dapr" : "cleat",
                        (loops_[0]->now_ns() - began_ns_) / kMillisecond));
}

bool App::outbound_ready() const {
  return outbound_ready_.load(std::memory_order_acquire);
}

// A second signal would end the process at once, and asking twice is no reason for that.
void App::ask_to_end() {
  if (!asked_to_end_.exchange(true)) kill(getpid(), SIGTERM);
}

void App::request_shutdown(bool force) {
  if (!force) {
    ask_to_end();
    return;
  }
  // As daprd does: the answer gets 100 ms to leave, then the process ends without ceremony.
  loops_[0]->post([this] {
    start_patience_ = std::make_unique<Timer>([] { std::_Exit(1); });
    loops_[0]->arm(*start_patience_, loops_[0]->now_ns() + 100 * kMillisecond);
  });
}

App::Stopped App::stop() {
  const std::uint64_t began = monotonic_now_ns();
  stopping_.store(true, std::memory_order_release);
  const auto grace =
      static_cast<std::uint64_t>(std::max<std::int64_t>(options_.graceful_shutdown_seconds, 0)) * kSecond;
  const bool inputs_well = stop_inputs(grace == 0 ? 0 : began + grace);
  if (!asked_to_end_.load()) hold_shutdown();
  for (const auto& binding : bindings_)
    binding->stop_output();
  const std::uint64_t now = monotonic_now_ns();
  const Stopped api = stop_api(std::max(began + (grace == 0 ? kApiPatience : grace), now + kApiDrainTime));
  if (api == Stopped::stuck || !stop_instances(monotonic_now_ns() + kInstanceStopTime)) {
    log_.error("ended while a plugin refuses to stop");
    return Stopped::stuck;
  }
  log_.info("cleat stopped", {{"took", format_duration(monotonic_now_ns() - began)}});
  return inputs_well ? api : Stopped::late;
}

// As daprd does on a signal, not on POST /v1.0/shutdown: the API stays for those that still need it. A second signal ends it.
void App::hold_shutdown() const {
  if (options_.block_shutdown_ns == 0) return;
  log_.info("the API stays open for the time of --dapr-block-shutdown-duration",
            {{"time", format_duration(options_.block_shutdown_ns)}});
  std::condition_variable never;
  std::mutex mutex;
  std::unique_lock lock(mutex);
  never.wait_for(lock, std::chrono::nanoseconds(options_.block_shutdown_ns), [] { return false; });
}

bool App::stop_inputs(std::uint64_t deadline_ns) {
  for (const auto& binding : bindings_)
    binding->stop_input();
  if (app_port_) loops_[0]->post([this] { app_port_->stop(); });
  const auto all_idle = [this] {
    return std::all_of(bindings_.begin(), bindings_.end(), [](const auto& b) { return b->input_idle(); });
  };
  std::unique_lock lock(changed_mutex_);
  if (deadline_ns == 0) {
    changed_.wait(lock, all_idle);
    return true;
  }
  const auto at = [](std::uint64_t ns) {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
  };
  if (changed_.wait_until(lock, at(deadline_ns), all_idle)) return true;
  for (const auto& binding : bindings_)
    binding->cut_input();
  if (!changed_.wait_until(lock, at(deadline_ns + kCutTime), all_idle)) {
    for (const auto& binding : bindings_) {
      if (!binding->input_idle())
        log_.error("the input did not end in time", {{"component", binding->name()}});
    }
  }
  return false;
}

App::Stopped App::stop_api(std::uint64_t deadline_ns) {
  auto gone = std::make_shared<std::promise<void>>();
  std::future<void> all_gone = gone->get_future();
  server_->stop([gone] { gone->set_value(); });
  const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
  if (all_gone.wait_until(deadline) == std::future_status::ready) return Stopped::well;
  log_.warn("connections are cut: their requests were not done in time",
            {{"connections", std::to_string(server_->connections())}});
  server_->cut();
  const bool cut =
      all_gone.wait_until(deadline + std::chrono::nanoseconds(kCutTime)) == std::future_status::ready;
  return cut ? Stopped::late : Stopped::stuck;
}

bool App::stop_instances(std::uint64_t deadline_ns) {
  for (const auto& binding : bindings_)
    binding->stop_instance(deadline_ns);
  bool well = true;
  for (const auto& binding : bindings_) {
    if (binding->wait_stopped(deadline_ns + kCutTime)) continue;
    well = false;
    log_.error("the plugin does not return from its control call: the component is given up",
               {{"component", binding->name()}, {"type", binding->component().type}});
  }
  return well;
}

}  // namespace cleat
