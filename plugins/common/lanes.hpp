#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace cleat::common {

/// The groups of a queue that keeps an order in each that have events out, each a lane until something of it is given back.
/// Then the rest of it goes back as well, with the same delay, and the group goes on under a new number.
class Lanes {
 public:
  /// The number under which the next event of `group` goes out; that of no group is 0.
  [[nodiscard]] std::uint64_t of(const std::string& group) const {
    if (group.empty()) return 0;
    const auto found = current_.find(group);
    return found != current_.end() ? found->second : last_ + 1;
  }
  /// An event of `group` went out under the number that of() gave.
  void went_out(const std::string& group, std::uint64_t lane) {
    if (lane == 0) return;
    if (lane > last_) {
      last_ = lane;
      current_[group] = lane;
      lanes_[lane].group = group;
    }
    ++lanes_[lane].out;
  }
  /// One of its events is settled.
  void came_back(std::uint64_t lane) {
    const auto found = lanes_.find(lane);
    if (found == lanes_.end() || --found->second.out != 0) return;
    forget(found->second.group, lane);
    lanes_.erase(found);
  }
  [[nodiscard]] std::uint32_t out(std::uint64_t lane) const {
    const auto found = lanes_.find(lane);
    return found != lanes_.end() ? found->second.out : 0;
  }
  /// Closes the lane. The group if it was open, nothing if it had been closed or is 0.
  std::optional<std::string> close(std::uint64_t lane, std::uint32_t delay_s) {
    const auto found = lanes_.find(lane);
    if (found == lanes_.end() || found->second.is_closed) return std::nullopt;
    found->second.is_closed = true;
    found->second.delay_s = delay_s;
    forget(found->second.group, lane);
    return found->second.group;
  }
  /// How long what comes back of a closed lane is kept back; nothing while it is open.
  [[nodiscard]] std::optional<std::uint32_t> delay(std::uint64_t lane) const {
    const auto found = lanes_.find(lane);
    if (found == lanes_.end() || !found->second.is_closed) return std::nullopt;
    return found->second.delay_s;
  }

 private:
  struct Lane {
    std::string group;
    std::uint32_t out = 0, delay_s = 0;
    bool is_closed = false;
  };
  void forget(const std::string& group, std::uint64_t lane) {
    const auto found = current_.find(group);
    if (found != current_.end() && found->second == lane) current_.erase(found);
  }
  std::unordered_map<std::string, std::uint64_t> current_;
  std::unordered_map<std::uint64_t, Lane> lanes_;
  std::uint64_t last_ = 0;
};

/// One walk over what waits, in the order of each group: what may not go out now holds up its group, and no other.
class Turns {
 public:
  /// `most` of a lane may be out; 0: any number.
  Turns(const Lanes& lanes, std::uint32_t most) : lanes_(lanes), most_(most) {}

  /// The lane under which the next event of `group` goes out; nothing if it has to wait.
  std::optional<std::uint64_t> lane_of(const std::string& group) {
    if (group.empty()) return 0;
    if (held_up_.count(group) != 0) return std::nullopt;
    const std::uint64_t lane = lanes_.of(group);
    if (most_ == 0 || lanes_.out(lane) < most_) return lane;
    hold_up(group);
    return std::nullopt;
  }
  void hold_up(const std::string& group) {
    if (!group.empty()) held_up_.insert(group);
  }

 private:
  const Lanes& lanes_;
  const std::uint32_t most_;
  std::set<std::string> held_up_;
};

}  // namespace cleat::common
