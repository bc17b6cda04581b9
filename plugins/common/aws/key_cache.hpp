#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/aws/keys.hpp"
#include "common/back_off.hpp"
#include "common/event_loop.hpp"

namespace cleat::aws {

/// The keys of one component: asked for when they are needed, asked for again some minutes before they expire, while those
/// that are there go on being used. All but the constructor on the loop's thread.
class KeyCache {
 public:
  using Got = std::function<void(const KeysPtr& keys, const std::string& why)>;

  /// `back_off`: between questions that failed.
  KeyCache(common::EventLoop& loop, std::unique_ptr<KeySource> source,
           common::BackOff back_off = {std::chrono::milliseconds(500), std::chrono::seconds(30)});
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;
  ~KeyCache();

  /// `got` is called with keys, or with none and the reason; from inside get() if it is known.
  void get(Got got);
  /// The far end does not take these: they are not given out again before the source was asked, if they can change.
  void refused(const KeysPtr& keys);
  /// Who waits is told so; answers that come later are dropped. No call but the destructor may follow.
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
  std::string why_;                 ///< it failed
  common::BackOff back_off_;
  bool is_asking_ = false;
  std::vector<Got> waiting_;
};

}  // namespace cleat::aws
