#include "common/on_loop.hpp"

#include <future>
#include <memory>
#include <utility>

namespace cleat::common {

std::vector<cleat_settlement> copy_of(Settlements settlements) {
  std::vector<cleat_settlement> copies;
  copies.reserve(settlements.count);
  for (const cleat_settlement* one : settlements) {
    cleat_settlement copy{};
    copy.verdict = one->verdict;
    copy.event_id = one->event_id;
    copy.requeue_after_ms = one->requeue_after_ms;
    copy.flags = one->flags;
    copies.push_back(copy);
  }
  return copies;
}

bool run_and_wait(EventLoop& loop, Deadline deadline, std::function<void(std::function<void()> done)> task) {
  const auto ended = std::make_shared<std::promise<void>>();
  const std::future<void> future = ended->get_future();
  loop.post([task = std::move(task), ended] { task([ended] { ended->set_value(); }); });
  return future.wait_until(deadline.time()) == std::future_status::ready;
}

bool run_and_wait(EventLoop& loop, Deadline deadline, std::function<void()> task) {
  return run_and_wait(loop, deadline, [task = std::move(task)](const std::function<void()>& done) {
    task();
    done();
  });
}

void ask_and_wait(EventLoop& loop, Deadline deadline, const std::string& late,
                  std::function<void(Answer)> ask) {
  const auto answered = std::make_shared<std::promise<std::optional<Error>>>();
  std::future<std::optional<Error>> future = answered->get_future();
  loop.post([ask = std::move(ask), answered] {
    ask([answered](std::optional<Error> error) { answered->set_value(std::move(error)); });
  });
  if (future.wait_until(deadline.time()) != std::future_status::ready)
    throw Error(CLEAT_TIMEOUT, late, CLEAT_RETRYABLE);
  if (const std::optional<Error> error = future.get()) throw Error(*error);
}

}  // namespace cleat::common
