#include "service.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "common/curl/far_end.hpp"

namespace cleat::pubsub {
namespace {

using namespace std::chrono_literals;

/// For so long it is believed what no look can disprove: that a call was not allowed, for one.
constexpr auto kBelieved = 30s;

struct Method {
  const char* name;    ///< for people
  const char* suffix;  ///< of the URL
  bool is_read, may_run_twice;
};
/// A second pull would take messages away that nobody gets to see, a second publish would be other messages.
constexpr std::array<Method, kActions> kMethods{{{"GetTopic", "", true, true},
                                                 {"GetSubscription", "", true, true},
                                                 {"Publish", ":publish", false, false},
                                                 {"Pull", ":pull", false, false},
                                                 {"Acknowledge", ":acknowledge", false, true},
                                                 {"ModifyAckDeadline", ":modifyAckDeadline", false, true}}};

const Method& method_of(Action action) {
  return kMethods.at(static_cast<std::size_t>(action));
}

bool is_look(Action action) {
  return action == Action::look_at_topic || action == Action::look_at_subscription;
}

/// Repeated by itself, under a quota of its own.
bool is_reading(Action action) {
  return action == Action::pull || action == Action::acknowledge || action == Action::modify;
}

/// Nothing if it is none; `why` says what is wrong with it.
std::optional<common::JsonValue> json_of(const common::HttpResponse& answer, std::string& why) {
  try {
    return common::parse_json(answer.body.empty() ? std::string_view("{}") : answer.body);
  } catch (const std::invalid_argument& error) {
    why = error.what();
    return std::nullopt;
  }
}

}  // namespace

Service::Service(Host host, common::CurlLoop& curl, const PubSubConfig& config)
    : curl_(curl),
      config_(config),
      client_(curl, config.place.credentials),
      health_(host),
      lookout_(curl.loop(), [this](std::uint64_t deadline_ns, const common::Lookout::Done& done) {
        look_around(deadline_ns, done);
      }) {}

void Service::ask(Ask ask, Done done) {
  const Method& method = method_of(ask.action);
  const bool is_ours = ask.name == config_.topic || ask.name == config_.subscription;
  google::ServiceRequest request;
  request.what = std::string("Pub/Sub ") + method.name + " " + ask.name;
  request.method = method.is_read ? "GET" : "POST";
  request.url = config_.place.url + "/v1/" + ask.name + method.suffix;
  if (!method.is_read) request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(ask.body);
  request.may_run_twice = method.may_run_twice;
  request.tag = ask.tag;
  request.deadline_ns = ask.deadline_ns;
  request.max_response_bytes = std::uint64_t{256} << 20U;
  request.on_begin = std::move(ask.on_begin);
  const auto answered = [this, action = ask.action, is_ours, what = request.what, done = std::move(done)](
                            common::HttpResponse* answer, const google::Failure* failure) {
    const bool may_say_more = answer != nullptr && failure != nullptr && failure->http_status == 400 &&
                              (action == Action::acknowledge || action == Action::modify);
    google::Failure strange;
    std::optional<common::JsonValue> json;
    if (failure == nullptr || may_say_more) json = json_of(*answer, strange.text);
    // What is wrong with single ids is not wrong with the subscription.
    if (may_say_more && json) return done({nullptr, failure, &*json});
    if (failure == nullptr && !json) {
      strange.text = what + ": the answer is no JSON: " + strange.text;
      failure = &strange;
    }
    if (action == Action::look_at_subscription && config_.wants_dead_letters) {
      if (failure != nullptr && failure->status == CLEAT_DENIED) {
        strange = unfit("may not be looked at: " + failure->text);
        failure = &strange;
      } else if (failure == nullptr && json->find("deadLetterPolicy") == nullptr) {
        strange = unfit("shows none");
        failure = &strange;
      }
    }
    note(action, is_ours, failure);
    if (failure != nullptr) return done({nullptr, failure, nullptr});
    done({&*json, nullptr, nullptr});
  };
  client_.send(std::move(request), answered);
}

/// What is rejected would come again for ever.
google::Failure Service::unfit(const std::string& why) const {
  google::Failure out;
  out.status = CLEAT_UNSUPPORTED;
  out.text = "deadLetter: broker needs a subscription with a dead letter policy, and " +
             config_.subscription + " " + why + "; give it one, or let deadLetter name an output component";
  return out;
}

void Service::look(Action action, std::uint64_t deadline_ns, Done done) {
  Ask out;
  out.action = action;
  out.name = action == Action::look_at_topic ? config_.topic : config_.subscription;
  out.deadline_ns = deadline_ns;
  ask(std::move(out), std::move(done));
}

void Service::open(bool reads, bool writes) {
  reads_ = reads && !config_.subscription.empty();
  writes_ = writes && !config_.topic.empty();
  if (!reads_ && !writes_) return health_.tell(CLEAT_HEALTH_UP, {});
  lookout_.look();
}

void Service::look_around(std::uint64_t deadline_ns, const common::Lookout::Done& done) {
  struct Around {
    std::size_t left = 0;
    bool is_there = true;
  };
  // The topics that calls name can only be believed to be there.
  if (!reads_ && !writes_) {
    forget_what_is_old();
    return done(!needs_looks());
  }
  const auto around = std::make_shared<Around>();
  around->left = (reads_ ? 1U : 0U) + (writes_ ? 1U : 0U);
  const auto answered = [this, around, done](const Answer& answer) {
    if (answer.failure != nullptr && answer.failure->status != CLEAT_DENIED) around->is_there = false;
    if (--around->left != 0) return;
    if (around->is_there) forget_what_is_old();
    done(around->is_there && !needs_looks());
  };
  if (reads_) look(Action::look_at_subscription, deadline_ns, answered);
  if (writes_) look(Action::look_at_topic, deadline_ns, answered);
}

void Service::forget_what_is_old() {
  const auto old = common::EventLoop::Clock::now() - kBelieved;
  for (std::size_t i = 0; i < kActions; ++i) {
    const bool is_known = is_reading(static_cast<Action>(i)) || !states_[i].is_wrong();
    if (!is_known && states_[i].seen_at <= old) states_[i] = {};
  }
  tell();
}

/// What reading says of itself does not need any: it goes on.
bool Service::needs_looks() const {
  for (std::size_t i = 0; i < kActions; ++i) {
    if (!is_reading(static_cast<Action>(i)) && states_[i].is_wrong()) return true;
  }
  return false;
}

void Service::note(Action action, bool is_ours, const google::Failure* failure) {
  // Who may not look is known there all the same.
  if (failure == nullptr || (is_look(action) && failure->status == CLEAT_DENIED)) {
    take_well(action, failure == nullptr);
    if (!is_look(action) && !needs_looks()) lookout_.rest();
    return tell();
  }
  if (failure->status == CLEAT_CANCELLED) return;
  if (action == Action::pull && is_no_news(*failure)) return;
  const bool is_passing = common::is_passing(*failure);
  // What is wrong with one request, or with a topic that it names, says nothing of the component.
  const bool is_of_request =
      failure->status == CLEAT_TOO_LARGE || (failure->status == CLEAT_INVALID && action != Action::pull);
  if (!is_passing && (!is_ours || is_of_request)) return;
  state(action) = {failure->status == CLEAT_THROTTLED ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_DOWN, is_passing,
                   failure->status == CLEAT_NOT_FOUND, failure->text, common::EventLoop::Clock::now()};
  tell();
  if (!is_look(action)) lookout_.look_later(std::chrono::milliseconds(failure->retry_after_ms));
}

/// What reading says of itself is not mended by anything else that succeeds: it goes on, and would say it again.
void Service::take_well(Action action, bool was_seen) {
  state(action) = {CLEAT_HEALTH_UP, false, false, {}, {}};
  for (std::size_t i = 0; i < kActions; ++i) {
    const bool may_mend = is_reading(action) || !is_reading(static_cast<Action>(i));
    if (may_mend && states_[i].is_passing) states_[i] = {};
  }
  State& publish = state(Action::publish);
  if (action == Action::look_at_topic && was_seen && publish.is_missing) publish = {};
}

void Service::forget_reading() {
  for (std::size_t i = 0; i < kActions; ++i) {
    if (is_reading(static_cast<Action>(i))) states_[i] = {};
  }
  tell();
}

/// The worst of all.
void Service::tell() {
  for (const std::int32_t health : {CLEAT_HEALTH_DOWN, CLEAT_HEALTH_DEGRADED, CLEAT_HEALTH_UP}) {
    for (const State& each : states_) {
      if (each.health == health) return health_.tell(health, each.why);
    }
  }
  health_.tell(CLEAT_HEALTH_UNKNOWN, {});
}

void Service::close() {
  lookout_.stop();
  client_.close();
}

}  // namespace cleat::pubsub
