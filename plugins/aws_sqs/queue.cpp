#include "queue.hpp"

#include <stdexcept>
#include <utility>

#include "common/deadlines.hpp"
#include "common/json_text.hpp"

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

constexpr auto kFindWithin = 10s;
constexpr std::array<const char*, kActions> kNames{"GetQueueUrl",        "GetQueueAttributes",
                                                   "ReceiveMessage",     "SendMessageBatch",
                                                   "DeleteMessageBatch", "ChangeMessageVisibilityBatch"};

const char* name_of(Action action) {
  return kNames.at(static_cast<std::size_t>(action));
}

}  // namespace

Queue::Queue(common::CurlLoop& curl, const SqsConfig& config, Watcher watcher)
    : curl_(curl),
      config_(config),
      watcher_(std::move(watcher)),
      client_(curl, config.aws, "sqs"),
      url_(config.queue.url),
      url_json_(common::json_string(config.queue.url)),
      back_off_(500ms, 30s) {}

void Queue::open() {
  if (!is_found()) find();
}

void Queue::find() {
  if (is_finding_ || is_closed_) return;
  is_finding_ = true;
  if (timer_ != 0) loop().cancel(std::exchange(timer_, 0));
  std::string body = "{\"QueueName\":" + common::json_string(config_.queue.name);
  if (!config_.queue.account.empty())
    body += ",\"QueueOwnerAWSAccountId\":" + common::json_string(config_.queue.account);
  Ask ask;
  ask.deadline_ns = common::ns_after(kFindWithin);
  send(Action::find, body + "}", ask,
       [this](const common::JsonValue* answer, const aws::Failure* failure) { found(answer, failure); });
}

void Queue::found(const common::JsonValue* answer, const aws::Failure* failure) {
  is_finding_ = false;
  const common::JsonValue* url = answer != nullptr ? answer->find("QueueUrl") : nullptr;
  aws::Failure strange;
  if (url != nullptr && !url->text.empty()) {
    url_ = url->text;
    url_json_ = common::json_string(url_);
    back_off_.reset();
  } else if (failure == nullptr) {
    strange.text = "SQS GetQueueUrl: the answer has no QueueUrl";
    failure = &strange;
  }
  if (!is_found() && !is_closed_) {
    timer_ = loop().after(back_off_.next(), [this] {
      timer_ = 0;
      find();
    });
  }
  for (const auto& ready : std::exchange(waiting_, {}))
    ready(is_found() ? nullptr : failure);
}

void Queue::when_found(std::function<void(const aws::Failure*)> ready) {
  if (is_found()) return ready(nullptr);
  waiting_.push_back(std::move(ready));
  find();
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
  State& mine = states_.at(static_cast<std::size_t>(action));
  if (failure == nullptr) {
    mine = {CLEAT_HEALTH_UP, false, {}};
    for (State& each : states_) {
      if (each.is_passing) each = {};
    }
  } else {
    // A renewal may not be asked for again for a long time: that it failed cannot wait for one that does not.
    const bool is_passing = action == Action::change || failure->status == CLEAT_UNAVAILABLE ||
                            failure->status == CLEAT_TIMEOUT || failure->status == CLEAT_THROTTLED ||
                            failure->status == CLEAT_UNAUTHENTICATED || failure->status == CLEAT_REMOTE;
    // What is wrong with one request says nothing of the queue; and who may not look may read and write.
    if (failure->status == CLEAT_INVALID || failure->status == CLEAT_TOO_LARGE) return;
    if (action == Action::look && failure->http_status != 0) return;
    mine = {failure->status == CLEAT_THROTTLED ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_DOWN, is_passing,
            failure->text};
  }
  tell();
}

/// The worst of all.
void Queue::tell() {
  for (const std::int32_t health : {CLEAT_HEALTH_DOWN, CLEAT_HEALTH_DEGRADED, CLEAT_HEALTH_UP}) {
    for (const State& each : states_) {
      if (each.health == health) return watcher_(health, each.why);
    }
  }
}

void Queue::close() {
  is_closed_ = true;
  if (timer_ != 0) loop().cancel(std::exchange(timer_, 0));
  const aws::Failure stopped{CLEAT_CANCELLED, true, 0, 0, {}, "the component has stopped"};
  for (const auto& ready : std::exchange(waiting_, {}))
    ready(&stopped);
  client_.close();
}

}  // namespace cleat::sqs
