#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cleat {

/// What is known of events that went back to their source and will come again under another number. Bounded: the oldest are
/// forgotten first, and then count as the source counts them.
class Returned {
 public:
  struct Made {
    std::uint32_t attempts = 0;  ///< that count
    std::uint64_t first_seen_wall_ns = 0;
    std::uint64_t first_attempt_ns = 0;  ///< on the loop's clock
    std::uint64_t first_attempt_wall_ns = 0;
    bool alone = false;  ///< it failed with a batch
  };

  void remember(std::string_view id, const Made& made) {
    if (id.empty()) return;
    const auto [place, is_new] = made_.insert_or_assign(std::string(id), made);
    if (!is_new) return;
    order_.push_back(place->first);
    if (order_.size() <= kMost) return;
    made_.erase(order_.front());
    order_.pop_front();
  }
  /// nullptr: nothing. Valid until the next call that changes anything.
  [[nodiscard]] const Made* find(std::string_view id) const {
    if (made_.empty()) return nullptr;
    const auto found = made_.find(std::string(id));
    return found == made_.end() ? nullptr : &found->second;
  }
  void forget(std::string_view id) {
    if (made_.empty() || made_.erase(std::string(id)) == 0) return;
    order_.erase(std::find(order_.begin(), order_.end(), id));
  }

 private:
  static constexpr std::size_t kMost = 10'000;
  std::unordered_map<std::string, Made> made_;
  std::deque<std::string> order_;
};

}  // namespace cleat
