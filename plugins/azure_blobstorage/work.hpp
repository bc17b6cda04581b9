#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

#include "common/azure/failure.hpp"
#include "common/event_loop.hpp"

namespace cleat::blobstorage {

/// One call while it is worked on; on the loop's thread. A disk may keep one waiting for ever, so what waits for a file looks at
/// `is_over` afterwards, and does nothing more then.
struct Work {
  explicit Work(const Request& request)
      : id(request.id()), deadline_ns(request.deadline().at_ns != 0 ? request.deadline().at_ns : INT64_MAX) {}

  const std::uint64_t id, deadline_ns;
  bool is_over = false;
};
using WorkPtr = std::shared_ptr<Work>;

/// The calls that may wait for a file: no transfer ends them at their deadline. On the loop's thread.
class FileCalls {
 public:
  using GiveUp = std::function<void(const azure::Failure&)>;

  explicit FileCalls(common::EventLoop& loop) : loop_(loop) {}

  /// `give_up` is called once, at the deadline, at cancel() or at close(), unless the call is over by then.
  void add(const WorkPtr& work, GiveUp give_up);
  void remove(const WorkPtr& work);
  void cancel(std::uint64_t id);
  void close();

 private:
  struct Running {
    WorkPtr work;
    GiveUp give_up;
    common::EventLoop::TimerId timer = 0;
  };

  void end(std::uint64_t id, cleat_status status, const char* text);

  common::EventLoop& loop_;
  std::unordered_map<std::uint64_t, Running> running_;
};

}  // namespace cleat::blobstorage
