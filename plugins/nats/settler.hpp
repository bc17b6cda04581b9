#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "intake.hpp"
#include "item.hpp"
#include "session.hpp"

namespace cleat::nats {

/// Tells the server what became of messages, and that others are still being worked on. The last of what is sent at a time
/// asks for an answer, which says that the server has all of it. Until then an acknowledgement is sent again over each new
/// connection. Those of the latest messages are kept beyond that: a server that was killed has forgotten whom it gave a message
/// to, ignores its acknowledgement, and gives it out again; nobody is to work on it twice. The line's thread only.
class Settler {
 public:
  using TimePoint = Intake::TimePoint;

  /// The subject that answers come to, followed by a number.
  void use(std::string inbox) { inbox_ = std::move(inbox); }
  /// The consumer is another one: what comes from it is to be worked on, whatever was before.
  void forget();
  /// Over a new connection: what the last one may have lost.
  void repeat(Session& session);
  /// Throws Error if the connection is lost; what was not sent is sent by repeat().
  void settle(Session& session, const std::vector<Settled>& settled);
  void give_back(Session& session, const std::deque<Item>& items);
  /// Renews the lease of all that is here.
  void renew(Session& session, const Intake& intake, TimePoint now);
  /// An answer came.
  void proved(std::uint64_t number);
  /// Everything that was here at that time has its lease from then on.
  [[nodiscard]] TimePoint renewed() const { return renewed_; }
  /// The message was done with: tells the server again. False: it was not, or too long ago.
  bool settle_again(Session& session, const Key& key, const std::string& ack);

 private:
  struct Final {
    std::string ack;  ///< empty: the server has it
    std::string_view verdict;
    std::uint64_t number = 0;
  };
  void keep(const Key& key, const std::string& ack, std::string_view verdict);
  void send(Session& session, const std::string& ack, std::string_view verdict, bool asks);

  std::string inbox_;
  std::uint64_t last_ = 0, proved_ = 0;  ///< numbers that were asked for, and that were answered
  std::map<Key, Final> finals_;
  std::deque<Key> order_;                                   ///< of finals_, the oldest first
  std::deque<std::pair<std::uint64_t, Key>> unproved_;      ///< in the order of the numbers
  std::deque<std::pair<std::uint64_t, TimePoint>> rounds_;  ///< of renewals
  TimePoint renewed_ = TimePoint::min();
};

}  // namespace cleat::nats
