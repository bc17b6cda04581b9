#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <unordered_map>
#include <vector>

#include "message.hpp"

namespace cleat::mqtt {

/// What came and is not done with: which message waits for a place with the host, which is with it, and which packet identifiers
/// may be acknowledged to the broker, in the order in which they came.
///
/// It outlives a connection, as the session at the broker does: what is with the host stays there, and the broker's repetition of
/// it on the next connection is recognised and not delivered a second time. Not thread-safe.
class Ledger {
 public:
  /// known: a repetition of one that is here already. contradicts: its packet identifier belongs to another message of this
  /// connection that was not acknowledged yet, which no sound broker does; it is not taken in.
  enum class Arrival { fresh, known, contradicts };
  Arrival arrive(MessagePtr message);

  struct Waiting {
    std::uint64_t number = 0;  ///< in the order of arrival; the same whenever it waits
    MessagePtr message;
  };
  /// Up to `most` messages that wait, in the order of their arrival.
  [[nodiscard]] std::vector<Waiting> waiting(std::size_t most) const;
  /// The host took the first one that waits, as event `id`, which was never used before.
  void offered(std::uint64_t id);
  /// The end of an event: it is done, or it waits again. Unknown ids are ignored.
  void settle(std::uint64_t id, bool is_done);

  /// Packet identifiers to acknowledge now: all at the front of the order that are done.
  std::vector<std::uint16_t> take_acknowledgeable();
  /// How many packets of this connection the broker has no acknowledgement of.
  [[nodiscard]] std::size_t unacknowledged() const { return order_.size(); }
  /// How many of those are done and wait for one before them.
  [[nodiscard]] std::size_t done_behind() const { return done_in_order_; }
  /// The one that all the others wait for with their acknowledgement. Number 0: there is none, or it is done.
  [[nodiscard]] Waiting front() const;
  [[nodiscard]] std::size_t with_host() const { return events_.size(); }
  [[nodiscard]] std::size_t waiting_count() const { return waiting_.size(); }

  /// The connection is gone: nothing can be acknowledged until the broker repeats it on a later one. What is done is remembered
  /// until then: at most one for each packet identifier.
  void connection_lost();
  /// The broker has no session of ours: it will repeat nothing. What is here is finished all the same.
  void session_gone();
  /// The session belongs to another client now, which is given what was not acknowledged: forgets what waits, and gives the ids
  /// of the events that the host is to give back.
  std::vector<std::uint64_t> session_taken();

 private:
  struct Entry {
    MessagePtr message;  ///< none once it is done
    std::size_t digest = 0;
    std::uint16_t packet_id = 0;  ///< 0: nothing to acknowledge
    bool is_done = false;
    bool in_order = false;  ///< it came on this connection
    std::uint64_t event = 0;
  };
  using Entries = std::unordered_map<std::uint64_t, Entry>;
  void forget_packet(Entry& entry);
  void finish(std::uint64_t number, Entry& entry);

  std::uint64_t numbers_ = 0;  ///< of entries, in the order of arrival
  Entries entries_;
  std::set<std::uint64_t> waiting_;
  std::unordered_map<std::uint64_t, std::uint64_t> events_;   ///< event id: number
  std::unordered_map<std::uint16_t, std::uint64_t> packets_;  ///< packet identifier: number
  std::deque<std::uint64_t> order_;
  std::size_t done_in_order_ = 0;
};

}  // namespace cleat::mqtt
