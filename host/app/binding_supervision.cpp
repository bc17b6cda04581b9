#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>

#include "app/binding.hpp"
#include "base/text.hpp"

// How a component that has started is watched, paused, seen, replaced and stopped.

namespace cleat {
namespace {

constexpr std::uint64_t kReplaceCutTime = 30 * kSecond;
constexpr std::uint64_t kReplaceStopTime = 10 * kSecond;
constexpr std::uint64_t kTurnOverTime = 5 * kSecond;
constexpr std::uint64_t kPingTime = 3 * kSecond;

}  // namespace

void Binding::on_input_changed() {
  if (!input_->is_idle()) return;
  if (stopping_.load(std::memory_order_acquire)) {
    input_idle_.store(true, std::memory_order_release);
    context_.changed();
  } else if (replacing_) {
    control_.submit([this] { replace_instance(); });
  } else if (!paused_) {
    input_->resume();
  }
}

Decided Binding::pause() {
  if (!input_) return {Decided::Result::conflict, "it reads no events"};
  if (paused_ || replacing_) {
    paused_ = true;
    return {};
  }
  context_.log.warn("a person paused the component", {{"component", component_.name}});
  paused_ = true;
  input_->end();
  return {};
}

Decided Binding::resume() {
  if (!input_) return {Decided::Result::conflict, "it reads no events"};
  context_.log.warn("a person resumed the component", {{"component", component_.name}});
  input_->dispatcher().end_stall();
  if (!paused_) return {};
  paused_ = false;
  if (input_->is_idle() && !replacing_) input_->resume();
  return {};
}

void Binding::ping(UniqueFunction<void(FarEnd&&)> done) {
  using Answer = FarEnd::Result;
  if (live_ == nullptr || replacing_ || stopping_.load(std::memory_order_acquire))
    return done({Answer::not_asked, "the component does not run"});
  if (!live_->can_ping()) return done({Answer::not_asked, "its plugin cannot ask its far end"});
  if (asking_) return done({Answer::not_asked, "its far end is being asked"});
  asking_ = true;
  control_.submit([this, done = std::move(done)]() mutable {
    // It may have been stopped while this waited for its turn.
    const bool runs = instance_ && !stopping_.load(std::memory_order_acquire);
    const Result<> answer = runs ? instance_->ping(home_.now_ns() + kPingTime) : Result<>();
    home_.post([this] { asking_ = false; });
    if (!runs) return done({Answer::not_asked, "the component does not run"});
    if (!answer) return done({Answer::silent, answer.error().text});
    done({});
  });
}

// Connected, but without any sign of life from the plugin: neither an event nor a word about its health. That it has nothing
// to read is no reason, since it promised to say so.
void Binding::watch() {
  const std::uint64_t promised = type_->heartbeat_ns;
  if (promised == 0 || !input_ || stopping_.load(std::memory_order_acquire)) return;
  const std::uint64_t now = home_.now_ns();
  if (replacing_) {
    if (now >= replace_cut_at_ns_) input_->cut();
  } else if (input_->is_reading() && vigil_.is_over(now, live_->last_sign_ns(), promised)) {
    begin_replacing(fmt::format("the plugin gave no sign of life for {}, although it promised one every {}",
                                format_duration((now - live_->last_sign_ns()) / kMillisecond * kMillisecond),
                                format_duration(promised)));
  }
  home_.arm(watchdog_, now + promised);
}

void Binding::begin_replacing(std::string why) {
  context_.log.error(fmt::format("the component is started again: {}", why),
                     {{"component", component_.name}});
  note_error(why);
  set_state(State::starting, std::move(why));
  replacing_ = true;
  replace_cut_at_ns_ = home_.now_ns() + kReplaceCutTime;
  {
    const std::lock_guard lock(state_mutex_);
    ++restarts_;
  }
  input_->end();
}

// Control thread. Nothing of the input is out.
void Binding::replace_instance() {
  publish_unavailable("it is started again");
  if (guard_) guard_->stop();
  turn_loops_over();  // then no call that was about to begin is still on its way
  const Result<> stopped = instance_->stop(home_.now_ns() + kReplaceStopTime);
  if (!stopped) context_.log.error(stopped.error().text, {{"component", component_.name}});
  if (instance_->is_stuck()) {
    set_state(State::failed, "the plugin refuses to stop: the host has to be restarted");
    return;
  }
  instance_->close();
  turn_loops_over();
  home_.post([this] {
    if (stopping_.load(std::memory_order_acquire)) return;  // the end frees what is left
    input_.reset();
    live_ = nullptr;
    replacing_ = false;
    control_.submit([this] {
      guard_.reset();
      instance_.reset();
      std::erase_if(outputs_, [this](const auto& each) { return each.get() != output(); });
      try_start();
    });
  });
}

// Until every io thread has left the handler that it is in now.
void Binding::turn_loops_over() const {
  struct Turned {
    std::mutex mutex;
    std::condition_variable all;
    std::size_t left;
  };
  auto turned = std::make_shared<Turned>();
  turned->left = context_.loops.size();
  for (Loop* loop : context_.loops) {
    loop->post([turned] {
      const std::lock_guard lock(turned->mutex);
      if (--turned->left == 0) turned->all.notify_all();
    });
  }
  std::unique_lock lock(turned->mutex);
  turned->all.wait_for(lock, std::chrono::nanoseconds(kTurnOverTime), [&] { return turned->left == 0; });
}

void Binding::stop_input() {
  {
    const std::lock_guard lock(state_mutex_);
    state_ = State::stopping;
    since_wall_ns_ = wall_now_ns();
  }
  stopping_.store(true, std::memory_order_release);
  home_.post([this] {
    start_again_.disarm();
    watchdog_.disarm();
    if (input_ && !input_->is_idle()) return input_->end();
    input_idle_.store(true, std::memory_order_release);  // nothing is out, and nothing will be
    context_.changed();
  });
}

void Binding::cut_input() {
  home_.post([this] {
    if (input_) input_->cut();
  });
}

void Binding::stop_output() {
  control_.submit([this] {
    if (guard_) guard_->stop();
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
  if (!instance_) return idle;
  if (!idle) instance_->abandon();
  return !instance_->is_stuck();
}

ComponentView Binding::view() {
  ComponentView view;
  view.name = component_.name;
  view.type = component_.type;
  view.version = component_.version;
  {
    const std::lock_guard lock(state_mutex_);
    constexpr std::array<std::string_view, 4> kStates{"starting", "running", "failed", "stopping"};
    view.state = kStates[static_cast<std::size_t>(state_)];
    view.reason = reason_;
    view.since_wall_ns = since_wall_ns_;
    view.restarts = restarts_;
    view.is_left_out = state_ == State::failed && restarts_ == 0 && init_policy() == InitPolicy::ignore;
    view.last_error = last_error_;
    view.last_error_wall_ns = last_error_wall_ns_;
  }
  if (const std::string* required = component_.find("required")) view.required = is_truthy(*required);
  if (live_ == nullptr) return view;
  if (metadata_.host.directions & CLEAT_IN) view.capabilities.emplace_back("INPUT_BINDING");
  if (metadata_.host.directions & CLEAT_OUT) view.capabilities.emplace_back("OUTPUT_BINDING");
  view.unsettled = live_->unsettled_events();
  const InstanceHealth health = live_->health();
  if (!health.why.empty()) view.details.emplace_back("source", health.why);
  if (input_) input_->describe(view);
  if (view.delivery.last_error_wall_ns > view.last_error_wall_ns) {
    view.last_error = view.delivery.last_error;
    view.last_error_wall_ns = view.delivery.last_error_wall_ns;
  }
  if (view.state == "running") describe_condition(view, health);
  return view;
}

void Binding::describe_condition(ComponentView& view, const InstanceHealth& health) const {
  using Condition = DeliveryView::Condition;
  const auto say = [&view](std::string_view state, const std::string& reason) {
    view.state = state;
    if (!reason.empty()) view.reason = reason;
  };
  const bool far_end_well = health.state == CLEAT_HEALTH_UNKNOWN || health.state == CLEAT_HEALTH_UP;
  if (paused_) return say("paused", "a person paused it");
  if (view.delivery.condition == Condition::stalled) return say("stalled", view.delivery.reason);
  if (health.state == CLEAT_HEALTH_STALLED) return say("stalled", health.why);
  if (!far_end_well) return say("degraded", health.why);
  if (input_ && !input_->trouble().empty()) return say("degraded", input_->trouble());
  if (view.delivery.condition == Condition::degraded) say("degraded", view.delivery.reason);
}

}  // namespace cleat
