#include "app/input_side.hpp"

#include <fmt/format.h>

#include <array>

namespace cleat {
namespace {

constexpr Backoff kBeginAgain{1 * kSecond, 30 * kSecond};
constexpr std::uint64_t kEndInputTime = 3 * kSecond;
constexpr std::size_t kNamedWhenCut = 10;

}  // namespace

InputSide::InputSide(const BindingContext& context, InputSettings settings, std::size_t home_shard,
                     Instance& instance, Control& control, std::uint32_t random_seed,
                     UniqueFunction<void()> on_changed)
    : context_(context),
      component_(settings.route.component),
      home_(*context.loops[home_shard]),
      instance_(instance),
      control_(control),
      random_(random_seed),
      on_changed_(std::move(on_changed)),
      application_(context.make_route(home_shard, settings.route)),
      begin_again_([this] { begin(); }) {
  settings.dispatcher.shard = static_cast<std::uint32_t>(home_shard);
  dispatcher_ =
      std::make_unique<Dispatcher>(std::move(settings.dispatcher), home_, *application_, instance_,
                                   context.find_output, context.log, static_cast<std::uint32_t>(random_()));
  if (!settings.ask_application) return;
  SubscriptionOptions asking;
  asking.component = component_;
  asking.probe_timeout_ns = context.options.app_binding_options_timeout_ns;
  asking.strict_dapr = context.options.strict_dapr;
  subscription_ = std::make_unique<Subscription>(asking, home_, *application_, context.log,
                                                 static_cast<std::uint32_t>(random_()), [this] { begin(); });
}

void InputSide::start() {
  if (subscription_ && subscription_->state() != Subscription::State::yes) {
    reading_ = Reading::asking;
    subscription_->ask();
  } else {
    begin();
  }
}

void InputSide::begin() {
  reading_ = Reading::beginning;
  const Window window = dispatcher_->window();
  control_.submit([this, window] {
    Result<> begun = instance_.begin_input(*dispatcher_, window);
    home_.post([this, result = std::move(begun)] { on_begun(result); });
  });
}

void InputSide::on_begun(const Result<>& begun) {
  if (reading_ != Reading::beginning)
    return;  // it was ended meanwhile: end_input() follows on the control thread
  if (begun) {
    reading_ = Reading::yes;
    begins_failed_ = 0;
    trouble_.clear();
    return;
  }
  context_.log.error(begun.error().text, {{"component", component_}, {"next", "tried again"}});
  trouble_ = begun.error().text;
  home_.arm(begin_again_, home_.now_ns() + kBeginAgain.delay_ns(++begins_failed_, random_));
  on_changed_();
}

void InputSide::end() {
  if (reading_ == Reading::ending) return;
  begin_again_.disarm();
  if (subscription_) subscription_->stop();
  const bool was_begun = reading_ == Reading::yes || reading_ == Reading::beginning;
  reading_ = Reading::ending;
  dispatcher_idle_ = false;
  intake_ended_ = !was_begun;
  // Behind whatever the control thread is at: a begin_input() that runs now is ended too.
  if (was_begun) submit_end();
  dispatcher_->stop([this] {
    dispatcher_idle_ = true;
    check_idle();
  });
}

void InputSide::submit_end() {
  control_.submit([this] {
    const Result<> ended = instance_.end_input(home_.now_ns() + kEndInputTime);
    if (!ended) context_.log.warn(ended.error().text, {{"component", component_}});
    home_.post([this] {
      intake_ended_ = true;
      check_idle();
    });
  });
}

// What was delivered before end_input() returned has arrived by now, and was abandoned on arrival.
void InputSide::check_idle() {
  if (reading_ != Reading::ending || !dispatcher_idle_ || !intake_ended_) return;
  reading_ = Reading::no;
  on_changed_();
}

void InputSide::resume() {
  dispatcher_->resume();
  start();
}

void InputSide::cut() {
  const std::vector<std::string> ids = dispatcher_->running_ids(kNamedWhenCut);
  if (!ids.empty()) {
    context_.log.warn(
        fmt::format("events are abandoned while the application still works on them: {}",
                    fmt::join(ids, ", ")),
        {{"component", component_}, {"running", fmt::to_string(dispatcher_->view().in_flight)}});
  }
  dispatcher_->cut();
}

void InputSide::describe(ComponentView& view) {
  view.delivery = dispatcher_->view();
  view.subscription = "yes";
  if (!subscription_) return;
  constexpr std::array<std::string_view, 3> kAnswers{"asking", "yes", "no"};
  view.subscription = kAnswers[static_cast<std::size_t>(subscription_->state())];
  if (subscription_->state() == Subscription::State::asking && view.reason.empty())
    view.reason = subscription_->last_answer();
}

}  // namespace cleat
