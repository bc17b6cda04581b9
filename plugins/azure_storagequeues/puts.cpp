#include "puts.hpp"

#include <optional>
#include <utility>

namespace cleat::storagequeues {
namespace {

void end(const azure::Place::Done& done, cleat_status status, bool is_retryable, const char* text) {
  const azure::Failure failure{status, is_retryable, 0, 0, {}, text};
  done(nullptr, &failure);
}

}  // namespace

Puts::Puts(common::EventLoop& loop, azure::Place& queue)
    : queue_(queue), waiting_(loop, kMostWaiting, [](const Waiting& late) {
        end(late.done, CLEAT_TIMEOUT, true,
            "Put Message: 64 others are out, and its turn did not come within the time of the call");
      }) {}

void Puts::send(azure::ServiceRequest request, azure::Place::Done done) {
  if (out_ < kMostOut && waiting_.is_empty()) return ask(std::move(request), done);
  if (waiting_.is_full())
    return end(done, CLEAT_THROTTLED, true, "4096 messages wait for their turn to be put, more may not");
  const Deadline deadline{request.deadline_ns};
  waiting_.add(deadline, {std::move(request), std::move(done)});
}

void Puts::run() {
  // What fails at once comes back here from inside a request.
  if (std::exchange(is_running_, true)) return;
  while (out_ < kMostOut && !waiting_.is_empty()) {
    Waiting next = std::move(*waiting_.take_first());
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

void Puts::cancel(std::uint64_t tag) {
  if (const auto found = waiting_.take([tag](const Waiting& each) { return each.request.tag == tag; }))
    end(found->done, CLEAT_CANCELLED, false, "nobody waits for the answer any more");
}

void Puts::close() {
  while (const auto each = waiting_.take_first())
    end(each->done, CLEAT_CANCELLED, false, "the component stopped before the message was put");
}

}  // namespace cleat::storagequeues
