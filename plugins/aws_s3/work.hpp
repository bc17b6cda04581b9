#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <set>
#include <utility>

#include "common/aws/failure.hpp"
#include "common/event_loop.hpp"

namespace cleat::s3 {

/// One call while it is worked on; on the loop's thread.
struct Work {
  Work(Call&& mine, const Request& request)
      : call(std::move(mine)),
        id(request.id()),
        deadline_ns(request.deadline().at_ns != 0 ? request.deadline().at_ns : INT64_MAX) {}

  Call call;
  const std::uint64_t id, deadline_ns;
  bool is_cancelled = false;
  std::set<std::uint64_t> tags;  ///< of the transfers that are out for it
  /// What waits for a file only ends by this; empty: nothing does.
  std::function<void(const aws::Failure&)> give_up{};
  common::EventLoop::TimerId timer = 0;  ///< of its deadline, if it is one of files
};

}  // namespace cleat::s3
