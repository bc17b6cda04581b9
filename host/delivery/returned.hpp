#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cleat {

/// How many attempts were made of events that went back to their source and will come again under another number. Bounded:
/// the oldest are forgotten first, and then count as the source counts them.
class Returned {
 public:
  void remember(std::string_view id, std::uint32_t attempts) {
    if (id.empty()) return;
    const auto [place, is_new] = attempts_.insert_or_assign(std::string(id), attempts);
    if (!is_new) return;
    order_.push_back(place->first);
    if (order_.size() <= kMost) return;
    attempts_.erase(order_.front());
    order_.pop_front();
  }
  /// 0: not known.
  [[nodiscard]] std::uint32_t find(std::string_view id) const {
    if (attempts_.empty()) return 0;
    const auto found = attempts_.find(std::string(id));
    return found == attempts_.end() ? 0 : found->second;
  }
  void forget(std::string_view id) {
    if (attempts_.empty() || attempts_.erase(std::string(id)) == 0) return;
    order_.erase(std::find(order_.begin(), order_.end(), id));
  }

 private:
  static constexpr std::size_t kMost = 10'000;
  std::unordered_map<std::string, std::uint32_t> attempts_;
  std::deque<std::string> order_;
};

}  // namespace cleat
