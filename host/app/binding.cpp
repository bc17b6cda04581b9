#include "app/binding.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "plugin/library.hpp"

namespace cleat {
namespace {

constexpr Backoff kStartAgain{1 * kSecond, 30 * kSecond};
constexpr std::uint64_t kDefaultStartTime = 5 * kSecond;  // daprd's initTimeout
constexpr std::uint64_t kEndInputTime = 3 * kSecond;

}  // namespace

Binding::Binding(const BindingContext& context, Component component, std::size_t home_shard,
                 std::uint32_t random_seed)
    : context_(context),
      component_(std::move(component)),
      home_shard_(home_shard),
      home_(*context.loops[home_shard]),
      random_(random_seed),
      start_again_([this] { control_.submit([this] { try_start(); }); }),
      begin_again_([this] { control_.submit([this] { begin_input(); }); }),
      since_wall_ns_(wall_now_ns()) {
  publish_unavailable("it is still starting");
}

Binding::~Binding() = default;

void Binding::start() {
  control_.submit([this] { try_start(); });
}

bool Binding::failed() const {
  const std::lock_guard lock(view_mutex_);
  return state_ == State::failed;
}

std::string Binding::reason() const {
  const std::lock_guard lock(view_mutex_);
  return reason_;
}

void Binding::set_state(State state, std::string reason) {
  const std::lock_guard lock(view_mutex_);
  if (state_ == State::stopping) return;
  if (state_ != state) since_wall_ns_ = wall_now_ns();
  state_ = state;
  reason_ = std::move(reason);
}

void Binding::try_start() {
  if (stopping_.load(std::memory_order_acquire)) return;
  const Result<> opened = open_instance();
  if (!opened) {
    start_failed(opened.error());
    return;
  }
  set_state(State::running, "");
  publish_running();
  context_.log.info(fmt::format("Component loaded: {} ({}/{})", component_.name, type_->type, type_->version),
                    {{"component", component_.name}});
  start_known_.store(true, std::memory_order_release);
  context_.changed();
  if (metadata_.host.directions & CLEAT_IN) home_.post([this] { prepare_input(); });
}

Error Binding::no_plugin() const {
  std::string offered, refused;
  for (const CatalogueEntry& entry : context_.catalogue.entries()) {
    for (const BindingType& type : entry.manifest.types)
      offered += (offered.empty() ? "" : ", ") + type.type;
  }
  for (const Catalogue::Reject& reject : context_.catalogue.rejects()) {
    if (reject.file.filename().string().starts_with(component_.type))
      refused += "; refused: " + reject.sentence;
  }
  return fail(
      fmt::format("{}: no plugin offers the type '{}': expected a file {}.so in {}; types found: {}{}",
                  component_.where(), component_.type, component_.type, context_.plugin_places,
                  offered.empty() ? "none" : offered, refused));
}

Result<> Binding::open_instance() {
  if (!component_.broken.empty()) return fail(fmt::format("{}: {}", component_.where(), component_.broken));
  const CatalogueEntry* const entry = context_.catalogue.find(component_.type, &type_);
  if (entry == nullptr) return no_plugin();
  if (!component_.version.empty() && component_.version != "v0" &&
      !iequals(component_.version, type_->version)) {
    return fail(fmt::format("{}: version '{}' of {} is not offered: expected {}, or no version",
                            component_.where(), component_.version, type_->type, type_->version));
  }
  Result<CheckedMetadata> checked = check_metadata(component_, *type_);
  if (!checked) return checked.error();
  if (starts_failed_ == 0) {
    for (const std::string& warning : checked->warnings) {
      context_.log.warn(warning, {{"component", component_.name}});
    }
  }
  metadata_ = std::move(*checked);
  if (metadata_.host.directions == 0) return {};

  const Result<const cleat_plugin*> plugin = context_.open_library(*entry);
  if (!plugin) return plugin.error();
  const cleat_binding_type* const table = find_type(**plugin, type_->type);
  if (table == nullptr)
    return fail(fmt::format("{}: the plugin has no table for {}", component_.where(), type_->type));

  InstanceOptions options;
  options.component = component_.name;
  options.directions = metadata_.host.directions;
  options.metadata = metadata_.plugin;
  options.facts = context_.facts;
  if (metadata_.host.invoke_timeout_ns > 0) options.invoke_timeout_ns = metadata_.host.invoke_timeout_ns;
  auto instance =
      std::make_unique<Instance>(*table, *type_, std::move(options), home_, context_.loops, context_.log);
  const std::uint64_t allowed =
      component_.init_timeout_ns > 0 ? component_.init_timeout_ns : kDefaultStartTime;
  const Result<> opened = instance->open(home_.now_ns() + allowed);
  if (!opened) return opened.error();
  const std::lock_guard lock(view_mutex_);
  instance_ = std::move(instance);
  return {};
}

// A far end that cannot be reached may come; everything else is for a person to mend.
void Binding::start_failed(const Error& error) {
  context_.log.error(
      fmt::format("Failed to init component {}: {}", component_.name, error.text),
      {{"component", component_.name}, {"next", error.retryable ? "tried again" : "mend it and restart"}});
  ++starts_failed_;
  set_state(error.retryable ? State::starting : State::failed, error.text);
  publish_unavailable(error.text);
  start_known_.store(true, std::memory_order_release);
  context_.changed();
  if (!error.retryable) return;
  const std::uint64_t when = home_.now_ns() + kStartAgain.delay_ns(starts_failed_, random_);
  home_.post([this, when] {
    if (!stopping_.load(std::memory_order_acquire)) home_.arm(start_again_, when);
  });
}

// Readers are handlers on io threads: once each of them has turned over, nobody holds the old one.
void Binding::publish(std::shared_ptr<const Output> output) {
  output_.store(output.get(), std::memory_order_release);
  const std::shared_ptr<const Output> old = std::exchange(output_owner_, std::move(output));
  if (!old) return;
  for (Loop* loop : context_.loops)
    loop->post([old] {});
}

void Binding::publish_running() {
  if ((metadata_.host.directions & CLEAT_OUT) == 0) {
    publish(nullptr);
    return;
  }
  auto output = std::make_shared<Output>();
  output->name = component_.name;
  output->operations = type_->operations;
  output->port = instance_.get();
  output->rich_status = metadata_.host.rich_status;
  publish(std::move(output));
}

void Binding::publish_unavailable(const std::string& why) {
  // daprd knows no output that has not started.
  if (context_.options.strict_dapr || (type_ != nullptr && (type_->directions & CLEAT_OUT) == 0)) {
    publish(nullptr);
    return;
  }
  auto output = std::make_shared<Output>();
  output->name = component_.name;
  output->why = why;
  if (type_ != nullptr) output->operations = type_->operations;
  publish(std::move(output));
}

// Home thread.
void Binding::prepare_input() {
  if (stopping_.load(std::memory_order_acquire)) return;
  if (!context_.make_route) {
    set_state(State::running, "no events are read: there is no --app-port to deliver them to");
    return;
  }
  const std::string& route = metadata_.host.route;
  auto application =
      context_.make_route(home_shard_, {component_.name, type_->type, route.empty() ? component_.name : route,
                                        metadata_.host.content_type_from_source});
  DispatcherOptions options;
  options.component = component_.name;
  auto dispatcher = std::make_unique<Dispatcher>(std::move(options), home_, *application, *instance_,
                                                 context_.log, static_cast<std::uint32_t>(random_()));
  std::unique_ptr<Subscription> subscription;
  if (!metadata_.host.direction_given) {
    SubscriptionOptions asking;
    asking.component = component_.name;
    asking.probe_timeout_ns = context_.options.app_binding_options_timeout_ns;
    asking.strict_dapr = context_.options.strict_dapr;
    subscription = std::make_unique<Subscription>(asking, home_, *application, context_.log,
                                                  static_cast<std::uint32_t>(random_()),
                                                  [this] { control_.submit([this] { begin_input(); }); });
  }
  {
    const std::lock_guard lock(view_mutex_);
    application_ = std::move(application);
    dispatcher_ = std::move(dispatcher);
    subscription_ = std::move(subscription);
  }
  if (subscription_) {
    subscription_->ask();
  } else {
    control_.submit([this] { begin_input(); });
  }
}

// Control thread.
void Binding::begin_input() {
  if (stopping_.load(std::memory_order_acquire)) return;
  const Result<> begun = instance_->begin_input(*dispatcher_, dispatcher_->window());
  if (begun) {
    const std::lock_guard lock(view_mutex_);
    reading_ = true;
    reason_.clear();
    return;
  }
  context_.log.error(begun.error().text, {{"component", component_.name}, {"next", "tried again"}});
  set_state(State::running, begun.error().text);
  home_.post([this] {
    if (stopping_.load(std::memory_order_acquire)) return;
    home_.arm(begin_again_, home_.now_ns() + kStartAgain.delay_ns(++begins_failed_, random_));
  });
}

void Binding::stop_input() {
  {
    const std::lock_guard lock(view_mutex_);
    state_ = State::stopping;
    since_wall_ns_ = wall_now_ns();
  }
  stopping_.store(true, std::memory_order_release);
  home_.post([this] {
    start_again_.disarm();
    begin_again_.disarm();
    if (subscription_) subscription_->stop();
    if (dispatcher_) {
      dispatcher_->stop([this] {
        dispatcher_idle_ = true;
        check_input_idle();
      });
    } else {
      input_idle_.store(true, std::memory_order_release);  // nothing was begun, and nothing will be
      context_.changed();
      return;
    }
    // Behind whatever the control thread is at: a begin_input() that runs now is ended too.
    control_.submit([this] {
      if (instance_) {
        const Result<> ended = instance_->end_input(home_.now_ns() + kEndInputTime);
        if (!ended) context_.log.warn(ended.error().text, {{"component", component_.name}});
      }
      home_.post([this] {
        intake_ended_ = true;
        check_input_idle();
      });
    });
  });
}

// Home thread. What was delivered before end_input() returned has arrived by now, and was abandoned on arrival.
void Binding::check_input_idle() {
  if (!dispatcher_idle_ || !intake_ended_) return;
  input_idle_.store(true, std::memory_order_release);
  context_.changed();
}

void Binding::cut_input() {
  home_.post([this] {
    if (!dispatcher_) return;
    const std::vector<std::string> ids = dispatcher_->running_ids(10);
    if (!ids.empty()) {
      context_.log.warn(
          fmt::format("events are abandoned while the application still works on them: {}",
                      fmt::join(ids, ", ")),
          {{"component", component_.name}, {"running", std::to_string(dispatcher_->view().in_flight)}});
    }
    dispatcher_->cut();
  });
}

void Binding::stop_instance(std::uint64_t deadline_ns) {
  control_.submit([this, deadline_ns] {
    if (!instance_) return;
    if (!input_idle()) {
      instance_->abandon();  // events are out: what they would be settled with may not be freed
      return;
    }
    const Result<> stopped = instance_->stop(deadline_ns);
    if (!stopped) context_.log.error(stopped.error().text, {{"component", component_.name}});
    instance_->close();
  });
}

bool Binding::wait_stopped(std::uint64_t deadline_ns) {
  const bool idle = control_.wait_idle(deadline_ns);
  const std::lock_guard lock(view_mutex_);
  if (!instance_) return idle;
  if (!idle) instance_->abandon();
  return !instance_->is_stuck();
}

ComponentView Binding::view() const {
  ComponentView view;
  view.name = component_.name;
  view.type = component_.type;
  view.version = component_.version;
  const std::lock_guard lock(view_mutex_);
  constexpr std::array<std::string_view, 4> kStates{"starting", "running", "failed", "stopping"};
  view.state = kStates[static_cast<std::size_t>(state_)];
  view.reason = reason_;
  view.since_wall_ns = since_wall_ns_;
  if (!instance_) return view;
  if (metadata_.host.directions & CLEAT_IN) view.capabilities.emplace_back("INPUT_BINDING");
  if (metadata_.host.directions & CLEAT_OUT) view.capabilities.emplace_back("OUTPUT_BINDING");
  view.unsettled = instance_->unsettled_events();
  const InstanceHealth health = instance_->health();
  if (!health.why.empty()) view.details.emplace_back("source", health.why);
  const bool far_end_well = health.state == CLEAT_HEALTH_UNKNOWN || health.state == CLEAT_HEALTH_UP;
  if (!far_end_well && view.reason.empty()) view.reason = health.why;
  if (dispatcher_) {
    const DispatcherView events = dispatcher_->view();
    view.in_flight = events.in_flight;
    view.held = events.held;
    view.delivered = events.delivered;
    view.acked = events.acked;
    view.failed_attempts = events.failed_attempts;
    view.oldest_unsettled_id = events.troubled_event;
    if (view.reason.empty()) view.reason = events.trouble;
    view.subscription = "yes";
  }
  if (subscription_) {
    constexpr std::array<std::string_view, 3> kAnswers{"asking", "yes", "no"};
    view.subscription = kAnswers[static_cast<std::size_t>(subscription_->state())];
    if (subscription_->state() == Subscription::State::asking && view.reason.empty()) {
      view.reason = subscription_->last_answer();
    }
  }
  if (state_ == State::running && (!far_end_well || (dispatcher_ && !dispatcher_->view().trouble.empty()))) {
    view.state = "degraded";
  }
  return view;
}

}  // namespace cleat
