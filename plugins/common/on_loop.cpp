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

}  // namespace cleat::common
