#include "app/binding.hpp"

#include <fmt/format.h>

#include "app/settings.hpp"
#include "base/text.hpp"
#include "plugin/library.hpp"

namespace cleat {
namespace {

constexpr Backoff kStartAgain{1 * kSecond, 30 * kSecond};
constexpr std::uint64_t kDefaultStartTime = 5 * kSecond;  // daprd's initTimeout

}  // namespace

Binding::Binding(const BindingContext& context, Component component, std::size_t home_shard,
                 std::uint32_t random_seed)
    : context_(context),
      component_(std::move(component)),
      home_shard_(home_shard),
      home_(*context.loops[home_shard]),
      random_(random_seed),
      start_again_([this] { control_.submit([this] { try_start(); }); }),
      watchdog_([this] { watch(); }),
      since_wall_ns_(wall_now_ns()),
      control_(home_, context.log) {
  publish_unavailable("it is still starting");
}

Binding::~Binding() = default;

void Binding::start() {
  control_.submit([this] { try_start(); });
}

// Read from the file as it stands: a component whose metadata is wrong has a policy too. A word that is none is told by the
// check of the metadata.
InitPolicy Binding::init_policy() const {
  const std::string* const given = component_.find("initPolicy");
  const auto policy = given == nullptr ? std::nullopt : init_policy_of(*given);
  if (policy) return *policy;
  if (component_.ignore_errors) return InitPolicy::ignore;
  return context_.options.strict_dapr ? InitPolicy::fail : InitPolicy::retry;
}

void Binding::set_state(State state, std::string reason) {
  const std::lock_guard lock(state_mutex_);
  if (state_ == State::stopping) return;
  if (state_ != state) since_wall_ns_ = wall_now_ns();
  state_ = state;
  reason_ = std::move(reason);
}

void Binding::note_error(std::string text) {
  const std::lock_guard lock(state_mutex_);
  last_error_ = std::move(text);
  last_error_wall_ns_ = wall_now_ns();
}

void Binding::try_start() {
  if (stopping_.load(std::memory_order_acquire)) return;
  const Result<> opened = open_instance();
  if (!opened) {
    start_failed(opened.error());
    return;
  }
  has_run_ = true;
  starts_failed_ = 0;
  set_state(State::running, "");
  publish_running();
  context_.log.info(fmt::format("Component loaded: {} ({}/{})", component_.name, type_->type, type_->version),
                    {{"component", component_.name}});
  start_known_.store(true, std::memory_order_release);
  context_.changed();
  home_.post([this] { on_started(); });
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

Result<> Binding::read_settings() {
  Result<CheckedMetadata> checked = check_metadata(component_, *type_);
  if (!checked) return checked.error();
  if (checked->host.directions & CLEAT_IN) {
    Result<InputSettings> settings = input_settings(context_, component_, *type_, *checked);
    if (!settings) return settings.error();
    input_settings_ = std::move(*settings);
  }
  if (starts_failed_ == 0 && !start_known()) {
    for (const std::string& warning : checked->warnings)
      context_.log.warn(warning, {{"component", component_.name}});
  }
  metadata_ = std::move(*checked);
  return {};
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
  if (const Result<> read = read_settings(); !read) return read;
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
  options.facts.emplace_back("invoke-timeout-ns", std::to_string(options.invoke_timeout_ns));
  // A source that is read by one host at a time if all of its events are in one order.
  if (metadata_.host.delivery.ordering == Ordering::strict) options.facts.emplace_back("ordering", "strict");
  if (metadata_.host.delivery.dead_letter == "broker") options.facts.emplace_back("dead-letter", "broker");
  auto instance =
      std::make_unique<Instance>(*table, *type_, std::move(options), home_, context_.loops, context_.log);
  const std::uint64_t allowed =
      component_.init_timeout_ns > 0 ? component_.init_timeout_ns : kDefaultStartTime;
  const Result<> opened = instance->open(home_.now_ns() + allowed);
  if (!opened) return opened.error();
  instance_ = std::move(instance);
  return {};
}

// A far end that cannot be reached may come; everything else is for a person to mend. The policy is about the host's start:
// what ran once is tried again whatever it says.
void Binding::start_failed(const Error& error) {
  const InitPolicy policy = has_run_ ? InitPolicy::retry : init_policy();
  const bool again = error.retryable && policy == InitPolicy::retry;
  const std::string_view next = again                        ? "tried again"
                                : policy == InitPolicy::fail ? "the host ends: initPolicy is fail"
                                : policy == InitPolicy::ignore
                                    ? "the host goes on without it: initPolicy is ignore"
                                    : "mend it and restart";
  context_.log.error(fmt::format("Failed to init component {}: {}", component_.name, error.text),
                     {{"component", component_.name}, {"next", next}});
  ++starts_failed_;
  set_state(again ? State::starting : State::failed, error.text);
  note_error(error.text);
  if (policy == InitPolicy::ignore) {
    publish(nullptr);
  } else {
    publish_unavailable(error.text);
  }
  if (policy == InitPolicy::fail) fatal_.store(true, std::memory_order_release);
  start_known_.store(true, std::memory_order_release);
  context_.changed();
  if (!again) return;
  const std::uint64_t when = home_.now_ns() + kStartAgain.delay_ns(starts_failed_, random_);
  home_.post([this, when] {
    if (!stopping_.load(std::memory_order_acquire)) home_.arm(start_again_, when);
  });
}

// Readers are handlers on io threads: once each of them has turned over, nobody finds the old one any more. Calls that are
// out still name it, so it stays until their instance has stopped.
void Binding::publish(std::shared_ptr<const Output> output) {
  output_.store(output.get(), std::memory_order_release);
  if (output) outputs_.push_back(std::move(output));
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
  if (Policy policy = context_.policies.find(component_.name, Direction::outbound); !policy.is_empty()) {
    guard_ = std::make_unique<GuardedOutput>(component_.name, std::move(policy), GuardLimits{}, *instance_,
                                             context_.loops, context_.log);
    output->port = guard_.get();
  }
  publish(std::move(output));
}

void Binding::publish_unavailable(const std::string& why) {
  // daprd knows no output that has not started.
  if (context_.options.strict_dapr || (type_ != nullptr && (type_->directions & CLEAT_OUT) == 0)) {
    publish(nullptr);
    return;
  }
  // Each one that was published stays: a far end that is away for days must not fill the memory with the same sentence.
  if (const Output* now = this->output(); now != nullptr && now->port == nullptr && now->why == why) return;
  auto output = std::make_shared<Output>();
  output->name = component_.name;
  output->why = why;
  if (type_ != nullptr) output->operations = type_->operations;
  publish(std::move(output));
}

// Home thread.
void Binding::on_started() {
  live_ = instance_.get();
  if (stopping_.load(std::memory_order_acquire) || live_ == nullptr ||
      (metadata_.host.directions & CLEAT_IN) == 0)
    return;
  make_input();
}

void Binding::make_input() {
  if (!context_.make_route) {
    set_state(State::running, "no events are read: there is no --app-port to deliver them to");
    return;
  }
  input_ = std::make_unique<InputSide>(context_, input_settings_, home_shard_, *live_, control_,
                                       static_cast<std::uint32_t>(random_()), [this] { on_input_changed(); });
  if (!paused_) input_->start();
  watch();
}

}  // namespace cleat
