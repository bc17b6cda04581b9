#include "queue.hpp"

#include <algorithm>
#include <utility>

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;

constexpr auto kOpenWithin = 10s;
constexpr std::size_t kMostWaiting = 4096;

}  // namespace

Queue::Queue(common::CurlLoop& curl, const QueueConfig& config, Tell tell)
    : curl_(curl),
      config_(config),
      tell_(std::move(tell)),
      client_(curl, config.account),
      back_off_(500ms, 30s) {}

void Queue::open() {
  if (state_ == State::open || state_ == State::opening) return;
  state_ = State::opening;
  azure::ServiceRequest request;
  request.what = "Create Queue";
  request.method = "PUT";
  request.path = "/" + config_.queue;
  request.may_run_twice = true;
  request.deadline_ns = azure::ns_after(kOpenWithin);
  client_.send(std::move(request),
               [this](common::HttpResponse*, const azure::Failure* failure) { opened(failure); });
}

void Queue::opened(const azure::Failure* failure) {
  if (state_ == State::closed) return;
  // Who may not make queues may use one that is there, and one that was made otherwise is there.
  const bool is_there =
      failure == nullptr || failure->code == "QueueAlreadyExists" || failure->status == CLEAT_DENIED;
  if (!is_there) {
    state_ = State::failed;
    last_failure_ = *failure;
    tell_(CLEAT_HEALTH_DOWN, failure->text);
    open_later(std::chrono::milliseconds(failure->retry_after_ms));
    return answer_all(last_failure_);
  }
  state_ = State::open;
  back_off_.reset();
  if (failure == nullptr || failure->status != CLEAT_DENIED) tell_(CLEAT_HEALTH_UP, "");
  for (Waiting& each : std::exchange(waiting_, {})) {
    curl_.loop().cancel(each.timer);
    send(std::move(each.request), std::move(each.done));
  }
}

void Queue::open_later(std::chrono::milliseconds at_least) {
  if (open_timer_ != 0) return;
  open_timer_ = curl_.loop().after(std::max(back_off_.next(), at_least), [this] {
    open_timer_ = 0;
    open();
  });
}

void Queue::ask(azure::ServiceRequest request, Done done) {
  request.path = "/" + config_.queue + request.path;
  switch (state_) {
    case State::open:
      return send(std::move(request), std::move(done));
    case State::opening:
      return wait(std::move(request), std::move(done));
    case State::failed:
      return done(nullptr, &last_failure_);
    case State::closed: {
      const azure::Failure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component has stopped"};
      return done(nullptr, &stopped);
    }
  }
}

void Queue::wait(azure::ServiceRequest request, Done done) {
  if (waiting_.size() >= kMostWaiting) {
    const azure::Failure full{CLEAT_THROTTLED, true, 0, 0, {}, "4096 calls wait for the queue, more may not"};
    return done(nullptr, &full);
  }
  const std::uint64_t id = ++last_id_;
  const auto at = std::chrono::steady_clock::time_point(
      std::chrono::nanoseconds(static_cast<std::int64_t>(request.deadline_ns)));
  const auto timer = curl_.loop().at(at, [this, id] {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [id](const Waiting& each) { return each.id == id; });
    if (found == waiting_.end()) return;
    const Done late = std::move(found->done);
    waiting_.erase(found);
    const azure::Failure failure{
        CLEAT_TIMEOUT, true, 0, 0, {}, "the queue could not be opened within the time of the call"};
    late(nullptr, &failure);
  });
  waiting_.push_back({id, timer, std::move(request), std::move(done)});
}

void Queue::answer_all(const azure::Failure& failure) {
  for (const Waiting& each : std::exchange(waiting_, {})) {
    curl_.loop().cancel(each.timer);
    each.done(nullptr, &failure);
  }
}

void Queue::look(std::uint64_t deadline_ns, Done done) {
  azure::ServiceRequest request;
  request.what = "Get Queue Metadata";
  request.path = "/" + config_.queue;
  request.query = {{"comp", "metadata"}};
  request.may_run_twice = true;
  request.deadline_ns = deadline_ns;
  client_.send(std::move(request), std::move(done));
}

void Queue::send(azure::ServiceRequest request, Done done) {
  client_.send(std::move(request),
               [this, done = std::move(done)](common::HttpResponse* answer, const azure::Failure* failure) {
                 if (failure == nullptr) {
                   tell_(CLEAT_HEALTH_UP, "");
                   return done(answer, nullptr);
                 }
                 azure::Failure out = *failure;
                 learn(out);
                 // It is made again: nothing has happened, and later it may.
                 if (out.code == "QueueNotFound" || out.code == "QueueBeingDeleted") out.is_retryable = true;
                 done(nullptr, &out);
               });
}

void Queue::learn(const azure::Failure& failure) {
  const bool is_gone = failure.code == "QueueNotFound" || failure.code == "QueueBeingDeleted";
  if (is_gone && state_ == State::open) {
    state_ = State::failed;
    last_failure_ = failure;
    last_failure_.is_retryable = true;
    open_later(0ms);
  }
  const bool is_down = is_gone || failure.http_status == 401 || failure.http_status == 403 ||
                       failure.http_status >= 500 || failure.status == CLEAT_UNAVAILABLE;
  if (is_down || failure.status == CLEAT_UNAUTHENTICATED) tell_(CLEAT_HEALTH_DOWN, failure.text);
  if (failure.http_status == 429) tell_(CLEAT_HEALTH_DEGRADED, failure.text);
}

void Queue::close() {
  state_ = State::closed;
  const azure::Failure stopped{
      CLEAT_CANCELLED, false, 0, 0, {}, "the component stopped before there was an answer"};
  answer_all(stopped);
  client_.close();
}

}  // namespace cleat::storagequeues
