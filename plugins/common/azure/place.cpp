#include "common/azure/place.hpp"

#include <algorithm>
#include <utility>

#include "common/deadlines.hpp"

namespace cleat::azure {
namespace {

using namespace std::chrono_literals;

constexpr auto kOpenWithin = 10s;
constexpr std::size_t kMostWaiting = 4096;

}  // namespace

Place::Place(common::CurlLoop& curl, const Account& account, Options options, Tell tell)
    : curl_(curl),
      options_(std::move(options)),
      tell_(std::move(tell)),
      client_(curl, account),
      back_off_(500ms, 30s),
      waiting_(curl.loop(), kMostWaiting, [](const Waiting& late) {
        const Failure failure{CLEAT_TIMEOUT,
                              true,
                              0,
                              0,
                              {},
                              "the queue or container could not be opened within the time of the call"};
        late.done(nullptr, &failure);
      }) {}

void Place::open() {
  if (state_ == State::open || state_ == State::opening) return;
  if (!options_.make) {
    state_ = State::open;
    return;
  }
  state_ = State::opening;
  ServiceRequest request = *options_.make;
  request.path = options_.path;
  request.may_run_twice = true;
  request.deadline_ns = common::ns_after(kOpenWithin);
  client_.send(std::move(request),
               [this](common::HttpResponse*, const Failure* failure) { opened(failure); });
}

void Place::opened(const Failure* failure) {
  if (state_ == State::closed) return;
  // Who may not make one may use one that is there.
  const bool is_there =
      failure == nullptr || failure->code == options_.there || failure->status == CLEAT_DENIED;
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
  for (Waiting& each : waiting_.take_all())
    send(std::move(each.request), std::move(each.done));
}

void Place::open_later(std::chrono::milliseconds at_least) {
  if (open_timer_ != 0) return;
  open_timer_ = curl_.loop().after(std::max(back_off_.next(), at_least), [this] {
    open_timer_ = 0;
    open();
  });
}

void Place::ask(ServiceRequest request, Done done) {
  request.path = options_.path + request.path;
  switch (state_) {
    case State::open:
      return send(std::move(request), std::move(done));
    case State::opening:
      return wait(std::move(request), std::move(done));
    case State::failed:
      return done(nullptr, &last_failure_);
    case State::closed: {
      const Failure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component has stopped"};
      return done(nullptr, &stopped);
    }
  }
}

void Place::wait(ServiceRequest request, Done done) {
  if (waiting_.is_full()) {
    const Failure full{
        CLEAT_THROTTLED, true, 0, 0, {}, "4096 calls wait for the queue or container, more may not"};
    return done(nullptr, &full);
  }
  const Deadline deadline{request.deadline_ns};
  waiting_.add(deadline, {std::move(request), std::move(done)});
}

void Place::answer_all(const Failure& failure) {
  for (const Waiting& each : waiting_.take_all())
    each.done(nullptr, &failure);
}

void Place::look(ServiceRequest request, Done done) {
  request.path = options_.path;
  request.may_run_twice = true;
  client_.send(std::move(request), std::move(done));
}

bool Place::is_gone(const Failure& failure) const {
  return failure.code == options_.gone || failure.code == options_.going;
}

void Place::send(ServiceRequest request, Done done) {
  client_.send(std::move(request),
               [this, done = std::move(done)](common::HttpResponse* answer, const Failure* failure) {
                 if (failure == nullptr) {
                   tell_(CLEAT_HEALTH_UP, "");
                   return done(answer, nullptr);
                 }
                 Failure out = *failure;
                 learn(out);
                 // It is made again: nothing has happened, and later it may.
                 if (is_gone(out) && options_.make) out.is_retryable = true;
                 done(nullptr, &out);
               });
}

void Place::learn(const Failure& failure) {
  if (is_gone(failure) && state_ == State::open && options_.make) {
    state_ = State::failed;
    last_failure_ = failure;
    last_failure_.is_retryable = true;
    open_later(0ms);
  }
  // Below 400 it was somebody else who answered.
  const bool is_other = failure.http_status != 0 && failure.http_status < 400;
  const bool is_down = is_gone(failure) || is_other || failure.http_status == 401 ||
                       failure.http_status == 403 || failure.http_status >= 500 ||
                       failure.status == CLEAT_UNAVAILABLE;
  if (is_down || failure.status == CLEAT_UNAUTHENTICATED) {
    tell_(CLEAT_HEALTH_DOWN, failure.text);
  } else if (failure.http_status == 429) {
    tell_(CLEAT_HEALTH_DEGRADED, failure.text);
  } else if (failure.http_status != 0) {
    tell_(CLEAT_HEALTH_UP, "");
  }
}

void Place::close() {
  state_ = State::closed;
  const Failure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component stopped before there was an answer"};
  answer_all(stopped);
  client_.close();
}

}  // namespace cleat::azure
