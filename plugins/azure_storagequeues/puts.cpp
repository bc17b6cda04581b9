#include "puts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace cleat::storagequeues {
namespace {

azure::Failure failure_of(cleat_status status, bool is_retryable, const char* text) {
  azure::Failure out;
  out.status = status;
  out.is_retryable = is_retryable;
  out.text = text;
  return out;
}

}  // namespace

void Puts::send(azure::ServiceRequest request, azure::Place::Done done) {
  if (waiting_.size() >= kMostWaiting) {
    const azure::Failure full =
        failure_of(CLEAT_THROTTLED, true, "4096 messages wait for their turn to be put, more may not");
    return done(nullptr, &full);
  }
  const auto deadline = common::EventLoop::Clock::time_point(
      std::chrono::nanoseconds(static_cast<std::int64_t>(request.deadline_ns)));
  const std::uint64_t id = ++last_id_;
  // Only who has to wait needs to be told that it was too long.
  const auto timer = out_ < kMostOut ? 0 : loop_.at(deadline, [this, id] { late(id); });
  waiting_.push_back({id, timer, std::move(request), std::move(done)});
  run();
}

void Puts::run() {
  // What fails at once comes back here from inside a request.
  if (std::exchange(is_running_, true)) return;
  while (out_ < kMostOut && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.timer != 0) loop_.cancel(next.timer);
    ask(std::move(next.request), next.done);
  }
  is_running_ = false;
}

void Puts::ask(azure::ServiceRequest request, const azure::Place::Done& done) {
  ++out_;
  queue_.ask(std::move(request), [this, done](common::HttpResponse* answer, const azure::Failure* failure) {
    --out_;
    done(answer, failure);
    run();
  });
}

void Puts::late(std::uint64_t id) {
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [id](const Waiting& each) { return each.id == id; });
  if (found == waiting_.end()) return;
  found->timer = 0;
  end(found,
      failure_of(CLEAT_TIMEOUT, true,
                 "Put Message: 64 others are out, and its turn did not come within the time of the call"));
}

void Puts::cancel(std::uint64_t tag) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [tag](const Waiting& each) { return each.request.tag == tag; });
  if (found != waiting_.end())
    end(found, failure_of(CLEAT_CANCELLED, false, "nobody waits for the answer any more"));
}

void Puts::close() {
  const azure::Failure stopped =
      failure_of(CLEAT_CANCELLED, false, "the component stopped before the message was put");
  while (!waiting_.empty())
    end(waiting_.begin(), stopped);
}

void Puts::end(std::deque<Waiting>::iterator which, const azure::Failure& failure) {
  const Waiting ended = std::move(*which);
  waiting_.erase(which);
  if (ended.timer != 0) loop_.cancel(ended.timer);
  ended.done(nullptr, &failure);
}

}  // namespace cleat::storagequeues
