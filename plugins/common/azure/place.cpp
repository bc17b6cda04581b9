#include "common/azure/place.hpp"

#include <utility>

namespace cleat::azure {
namespace {

constexpr std::size_t kMostWaiting = 4096;

}  // namespace

Place::Place(common::CurlLoop& curl, const Account& account, Options options, Tell tell)
    : options_(std::move(options)),
      client_(curl, account),
      far_end_(curl.loop(), {[this](std::uint64_t deadline_ns, const common::FarEnd::Answer& done) {
                               state_ == State::open ? look(deadline_ns, done) : make(deadline_ns, done);
                             },
                             [this](const Failure& failure) { return judge(failure); }, std::move(tell)}),
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
  if (options_.make) return far_end_.look();
  state_ = State::open;
}

void Place::make(std::uint64_t deadline_ns, common::FarEnd::Answer done) {
  state_ = State::opening;
  ServiceRequest request = *options_.make;
  request.path = options_.path;
  request.may_run_twice = true;
  request.deadline_ns = deadline_ns;
  client_.send(std::move(request),
               [this, done = std::move(done)](common::HttpResponse*, const Failure* failure) {
                 opened(failure, done);
               });
}

void Place::opened(const Failure* failure, const common::FarEnd::Answer& done) {
  if (state_ == State::closed) return;
  // Who may not make one may use one that is there.
  const bool is_made = failure == nullptr || failure->code == options_.there;
  if (!is_made && failure->status != CLEAT_DENIED) {
    state_ = State::failed;
    last_failure_ = *failure;
    done(&last_failure_);
    return answer_all(last_failure_);
  }
  state_ = State::open;
  done(is_made ? nullptr : failure);
  for (Waiting& each : waiting_.take_all())
    send(std::move(each.request), std::move(each.done));
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

void Place::look(std::uint64_t deadline_ns, common::FarEnd::Answer done) {
  ServiceRequest request = options_.look;
  request.path = options_.path;
  request.may_run_twice = true;
  request.deadline_ns = deadline_ns;
  client_.send(std::move(request),
               [this, done = std::move(done)](const common::HttpResponse* answer, const Failure* failure) {
                 // It vanished, or could not be made, while this was on its way.
                 if (state_ == State::failed) return done(&last_failure_);
                 if (failure != nullptr || !common::header_of(*answer, "x-ms-request-id").empty())
                   return done(failure);
                 Failure strange;
                 strange.http_status = answer->status;
                 strange.text = options_.look.what +
                                ": the answer has no x-ms-request-id; is the endpoint one of Azure Storage?";
                 done(&strange);
               });
}

bool Place::is_gone(const Failure& failure) const {
  return failure.code == options_.gone || failure.code == options_.going;
}

void Place::send(ServiceRequest request, Done done) {
  client_.send(std::move(request),
               [this, done = std::move(done)](common::HttpResponse* answer, const Failure* failure) {
                 // What is being made, or made anew, is judged by that alone.
                 const bool counts = state_ == State::open;
                 if (failure == nullptr) {
                   if (counts) far_end_.note(nullptr);
                   return done(answer, nullptr);
                 }
                 Failure out = *failure;
                 // It is made again: nothing has happened, and later it may.
                 const bool is_made_again = is_gone(out) && options_.make;
                 if (is_made_again) out.is_retryable = true;
                 if (counts && is_made_again) {
                   state_ = State::failed;
                   last_failure_ = out;
                 }
                 if (counts) far_end_.note(&out);
                 done(nullptr, &out);
               });
}

common::FarEnd::Says Place::judge(const Failure& failure) const {
  using Says = common::FarEnd::Says;
  if (state_ != State::open || is_gone(failure)) return Says::is_wrong;
  if (failure.http_status == 429) return Says::is_slow;
  // Below 400 it was somebody else who answered.
  const bool is_other = failure.http_status != 0 && failure.http_status < 400;
  const bool is_wrong = is_other || failure.http_status == 401 || failure.http_status == 403 ||
                        failure.http_status >= 500 || failure.status == CLEAT_UNAVAILABLE ||
                        failure.status == CLEAT_UNAUTHENTICATED;
  if (is_wrong) return Says::is_wrong;
  return failure.http_status != 0 ? Says::is_there : Says::nothing;
}

void Place::close() {
  state_ = State::closed;
  far_end_.close();
  const Failure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component stopped before there was an answer"};
  answer_all(stopped);
  client_.close();
}

}  // namespace cleat::azure
