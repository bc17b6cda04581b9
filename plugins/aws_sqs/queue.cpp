#include "queue.hpp"

#include <stdexcept>
#include <utility>

#include "common/curl/far_end.hpp"
#include "common/json_text.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

/// For so long it is believed what no look can disprove.
constexpr auto kBelieved = 30s;
constexpr std::array<const char*, kActions> kNames{"GetQueueUrl",        "GetQueueAttributes",
                                                   "ReceiveMessage",     "SendMessageBatch",
                                                   "DeleteMessageBatch", "ChangeMessageVisibilityBatch"};

const char* name_of(Action action) {
  return kNames.at(static_cast<std::size_t>(action));
}

bool is_look(Action action) {
  return action == Action::find || action == Action::look;
}

/// Asked for again by who reads, whatever else succeeds.
bool goes_on(Action action) {
  return action == Action::receive || action == Action::remove;
}

}  // namespace

Queue::Queue(common::CurlLoop& curl, const SqsConfig& config, Watcher watcher)
    : curl_(curl),
      config_(config),
      watcher_(std::move(watcher)),
      client_(curl, config.aws, "sqs"),
      url_(config.queue.url),
      url_json_(common::json_string(config.queue.url)),
      lookout_(curl.loop(), [this](std::uint64_t deadline_ns, const common::Lookout::Done& done) {
        if (!is_found()) return find(deadline_ns, done);
        look(deadline_ns, [this, done](const aws::Failure* failure) { looked(failure, done); });
      }) {}

void Queue::open() {
  if (!is_found()) lookout_.look();
}

void Queue::find(std::uint64_t deadline_ns, const common::Lookout::Done& done) {
  std::string body = "{\"QueueName\":" + common::json_string(config_.queue.name);
  if (!config_.queue.account.empty())
    body += ",\"QueueOwnerAWSAccountId\":" + common::json_string(config_.queue.account);
  Ask ask;
  ask.deadline_ns = deadline_ns;
  send(Action::find, body + "}", ask,
       [this, done](const common::JsonValue* answer, const aws::Failure* failure) {
         found(answer, failure);
         done(is_found());
         for (const auto& ready : std::exchange(waiting_, {}))
           ready(is_found() ? nullptr : &last_failure_);
       });
}

void Queue::found(const common::JsonValue* answer, const aws::Failure* failure) {
  const common::JsonValue* url = answer != nullptr ? answer->find("QueueUrl") : nullptr;
  if (url != nullptr && !url->text.empty()) {
    url_ = url->text;
    url_json_ = common::json_string(url_);
  } else {
    last_failure_ = failure != nullptr ? *failure : aws::Failure();
    if (failure == nullptr) last_failure_.text = "SQS GetQueueUrl: the answer has no QueueUrl";
  }
}

void Queue::when_found(std::function<void(const aws::Failure*)> ready) {
  if (is_found()) return ready(nullptr);
  waiting_.push_back(std::move(ready));
  lookout_.look();
}

void Queue::ask(Ask ask, Done done) {
  std::string body = "{\"QueueUrl\":" + url_json_ + ask.members + "}";
  const Action action = ask.action;
  send(action, std::move(body), ask, std::move(done));
}

void Queue::send(Action action, std::string body, const Ask& ask, Done done) {
  aws::ServiceRequest request;
  request.what = std::string("SQS ") + name_of(action);
  request.headers = {{"Content-Type", "application/x-amz-json-1.0", false},
                     {"X-Amz-Target", std::string("AmazonSQS.") + name_of(action), false}};
  request.body = std::move(body);
  request.may_run_twice = ask.may_run_twice;
  request.tag = ask.tag;
  request.deadline_ns = ask.deadline_ns;
  request.on_begin = ask.on_begin;
  client_.send(std::move(request), [this, action, done = std::move(done)](common::HttpResponse* answer,
                                                                          const aws::Failure* failure) {
    if (failure != nullptr) {
      if (failure->status != CLEAT_CANCELLED) note(action, failure);
      return done(nullptr, failure);
    }
    try {
      // Some actions answer with nothing.
      const std::string_view text = answer->body.empty() ? std::string_view("{}") : answer->body;
      const common::JsonValue json = common::parse_json(text);
      note(action, nullptr);
      done(&json, nullptr);
    } catch (const std::invalid_argument& error) {
      aws::Failure strange;
      strange.text = std::string("SQS ") + name_of(action) + ": the answer is no JSON: " + error.what() +
                     "; is the endpoint SQS?";
      note(action, &strange);
      done(nullptr, &strange);
    }
  });
}

void Queue::note(Action action, const aws::Failure* failure) {
  if (failure == nullptr) {
    take_well(action);
    if (!is_look(action) && !needs_looks()) lookout_.rest();
    return tell();
  }
  // What is wrong with one request says nothing of the queue; and who may not look may read and write.
  if (failure->status == CLEAT_INVALID || failure->status == CLEAT_TOO_LARGE) return;
  if (action == Action::look && failure->http_status != 0) return;
  // A renewal may not be asked for again for a long time: that it failed cannot wait for one that does not.
  state(action) = {failure->status == CLEAT_THROTTLED ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_DOWN,
                   action == Action::change || common::is_passing(*failure), failure->status == CLEAT_DENIED,
                   failure->text, common::EventLoop::Clock::now()};
  tell();
  if (!goes_on(action)) lookout_.look_later(std::chrono::milliseconds(failure->retry_after_ms));
}

void Queue::take_well(Action action) {
  state(action) = {CLEAT_HEALTH_UP, false, false, {}, {}};
  for (std::size_t i = 0; i < kActions; ++i) {
    const bool may_mend = !is_look(action) || !goes_on(static_cast<Action>(i));
    if (may_mend && states_[i].is_passing) states_[i] = {};
  }
}

bool Queue::needs_looks() const {
  for (std::size_t i = 0; i < kActions; ++i) {
    if (!goes_on(static_cast<Action>(i)) && states_[i].is_wrong()) return true;
  }
  return false;
}

void Queue::look(std::uint64_t deadline_ns, std::function<void(const aws::Failure*)> done) {
  Ask look;
  look.action = Action::look;
  look.members = R"(,"AttributeNames":["QueueArn"])";
  look.deadline_ns = deadline_ns;
  ask(std::move(look),
      [done = std::move(done)](const common::JsonValue*, const aws::Failure* failure) { done(failure); });
}

void Queue::looked(const aws::Failure* failure, const common::Lookout::Done& done) {
  const bool is_known = failure == nullptr || common::knows_who_asks(*failure);
  if (is_known) take_well(Action::look);
  const bool is_against = !is_known && (common::is_passing(*failure) || failure->status == CLEAT_NOT_FOUND);
  const auto old = common::EventLoop::Clock::now() - kBelieved;
  for (std::size_t i = 0; i < kActions; ++i) {
    State& each = states_[i];
    if (goes_on(static_cast<Action>(i)) || !each.is_wrong()) continue;
    // That one may look says nothing of what else one may.
    const bool is_over = (failure == nullptr && !each.is_denied) || (!is_against && each.seen_at <= old);
    if (is_over) each = {};
  }
  tell();
  done(!is_against && !needs_looks());
}

/// The worst of all.
void Queue::tell() {
  for (const std::int32_t health : {CLEAT_HEALTH_DOWN, CLEAT_HEALTH_DEGRADED, CLEAT_HEALTH_UP}) {
    for (const State& each : states_) {
      if (each.health == health) return watcher_(health, each.why);
    }
  }
  watcher_(CLEAT_HEALTH_UNKNOWN, {});
}

void Queue::close() {
  lookout_.stop();
  const aws::Failure stopped{{CLEAT_CANCELLED, true, 0, 0, {}, "the component has stopped"}};
  for (const auto& ready : std::exchange(waiting_, {}))
    ready(&stopped);
  client_.close();
}

}  // namespace cleat::sqs
