#include "work.hpp"

namespace cleat::blobstorage {

void FileCalls::add(const WorkPtr& work, GiveUp give_up) {
  Running running{work, std::move(give_up), 0};
  running.timer = loop_.at(Deadline{work->deadline_ns}.time(), [this, id = work->id] {
    running_.at(id).timer = 0;
    end(id, CLEAT_TIMEOUT, "not all was done within the time of the call");
  });
  running_[work->id] = std::move(running);
}

void FileCalls::remove(const WorkPtr& work) {
  const auto found = running_.find(work->id);
  if (found == running_.end()) return;
  if (found->second.timer != 0) loop_.cancel(found->second.timer);
  running_.erase(found);
}

void FileCalls::end(std::uint64_t id, cleat_status status, const char* text) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  const Running running = std::move(found->second);
  remove(running.work);
  if (running.work->is_over) return;
  azure::Failure failure;
  failure.status = status;
  failure.is_retryable = true;  // twice is as good as once
  failure.text = text;
  running.give_up(failure);
}

void FileCalls::cancel(std::uint64_t id) {
  end(id, CLEAT_CANCELLED, "the call was cancelled");
}

void FileCalls::close() {
  while (!running_.empty())
    end(running_.begin()->first, CLEAT_CANCELLED, "the component has stopped");
}

}  // namespace cleat::blobstorage
