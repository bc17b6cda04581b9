#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "event_batch.hpp"
#include "item.hpp"

namespace cleat::nats {

/// The border between the host's calls and the line's thread: the window, what waits for room in it, what is out, and what
/// has been settled. One lock, held across deliver(), as the contract asks.
class Intake {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// `wake`: there is something for the line's thread to do.
  Intake(Host host, std::function<void()> wake) : host_(host), wake_(std::move(wake)) {}

  // ---- called by the host
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const Settlements& settlements);
  /// No delivery happens after this returned.
  void end();

  // ---- called by the line's thread
  [[nodiscard]] bool has_begun() const;  ///< begin() was called at some time
  [[nodiscard]] bool is_reading() const;
  /// How many messages more the window has room for, those that wait taken off; 0 while the host takes none.
  [[nodiscard]] std::size_t room() const;
  /// Gives it to the host as soon as there is room, in the order of the calls.
  void offer(Item item) { waiting_.push_back(std::move(item)); }
  /// False: the host refused an event as one that breaks the contract. It is left out.
  [[nodiscard]] bool deliver();
  [[nodiscard]] std::vector<Settled> take_settled();
  [[nodiscard]] std::size_t out() const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  /// All that waits, which then does not wait any more.
  [[nodiscard]] std::deque<Item> take_waiting() { return std::exchange(waiting_, {}); }

  // ---- leases of a stream's messages, called by the line's thread
  /// The message was given out again while the first one is still here: acknowledgements go to the new place. False: it is
  /// not here.
  bool adopt(const Key& key, const std::string& ack, TimePoint now);
  /// Calls `renew` for the place of each item whose lease can be renewed.
  void for_each_lease(const std::function<void(const std::string& ack)>& renew) const;
  /// Takes back what was leased before `limit`, unless it is proved that it was renewed since.
  void withdraw_before(TimePoint limit);
  /// The stream is gone, and one of the same name stands in its place: forgets what waits and what was settled, and takes
  /// back what is out, whose settlements are dropped.
  void orphan();
  /// The oldest message that is out or waits.
  [[nodiscard]] Key oldest() const;

 private:
  Host host_;
  std::function<void()> wake_;
  std::deque<Item> waiting_;  ///< the line's thread only
  EventBatch batch_;          ///< likewise

  mutable std::mutex mutex_;
  Window window_;
  bool has_begun_ = false, is_reading_ = false, was_refused_ = false;
  std::unordered_map<std::uint64_t, Item> out_;
  std::map<Key, std::uint64_t> ids_;  ///< of what is out and of a stream
  std::vector<Settled> settled_;
  std::uint64_t last_id_ = 0;
};

}  // namespace cleat::nats
