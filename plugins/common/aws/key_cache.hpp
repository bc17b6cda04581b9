#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/aws/keys.hpp"
#include "common/back_off.hpp"
#include "common/curl/answer.hpp"
#include "common/event_loop.hpp"
#include "common/waiting_list.hpp"

namespace cleat::aws {

/// The keys of one component: asked for when they are needed, asked for again some minutes before they expire, while those
/// that are there go on being used. All but the constructor on the loop's thread.
class KeyCache {
 public:
  /// Exactly one of the two is given.
  using Done = std::function<void(const KeysPtr& keys, const common::ServiceFailure* failure)>;

  /// `back_off`: between questions that failed. `loop` outlives it.
  KeyCache(common::EventLoop& loop, std::unique_ptr<KeySource> source,
           common::BackOff back_off = {std::chrono::milliseconds(500), std::chrono::seconds(30)});
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;
  ~KeyCache();

  /// Calls `done` once, from inside get() if the outcome is known, and by `deadline_ns` (CLOCK_MONOTONIC) at the latest. At
  /// most 4,096 may wait; who comes on top is throttled.
  void get(std::uint64_t deadline_ns, Done done);
  /// The far end does not take these: they are not given out again before the source was asked, if they can change.
  void refused(const KeysPtr& keys);
  /// Who waits is told so; answers that come later are dropped. Only the destructor may follow, after the loop has stopped.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  struct Link;

  [[nodiscard]] bool is_good() const;
  [[nodiscard]] bool is_due() const;
  void fetch();
  void fetched(const KeysPtr& keys, const std::string& why);

  common::EventLoop& loop_;
  const std::unique_ptr<KeySource> source_;
  const std::shared_ptr<Link> link_;
  KeysPtr keys_;
  Clock::time_point look_again_{};  ///< keys without an end may have been replaced by then
  Clock::time_point not_before_{};  ///< of the next question, after one that failed
  common::ServiceFailure last_failure_{
      CLEAT_UNAUTHENTICATED, true, 0, 0, {}, "no AWS credentials: those that were there have expired"};
  common::BackOff back_off_;
  bool is_asking_ = false;
  common::WaitingList<Done> waiting_;
};

}  // namespace cleat::aws
