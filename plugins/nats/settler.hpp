#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client.hpp"
#include "intake.hpp"
#include "item.hpp"

namespace cleat::nats {

/// Tells the server what became of messages, and that others are still being worked on. The last of what is sent at a time
/// asks for an answer, which proves that the server has all of it: until then an acknowledgement is kept, and sent again
/// over the next connection or when its message comes again. The line's thread only.
class Settler {
 public:
  using TimePoint = Intake::TimePoint;

  /// The subject that answers come to, followed by a number.
  void use(std::string inbox) { inbox_ = std::move(inbox); }
  /// Over a new connection: what the last one may have lost.
  void repeat(Session& session);
  /// Throws Error if the connection is lost; what was not sent is sent by repeat().
  void settle(Session& session, std::vector<Settled> settled);
  void give_back(Session& session, const std::deque<Item>& items);
  /// Renews the lease of all that is here.
  void renew(Session& session, const Intake& intake, TimePoint now);
  /// An answer came.
  void proved(std::uint64_t number);
  /// Everything that was here at that time has its lease from then on.
  [[nodiscard]] TimePoint renewed() const { return renewed_; }
  /// The message was done with, but the server may not know yet: tells it again. False: it was not.
  bool settle_again(Session& session, const Key& key, const std::string& ack);

 private:
  struct Final {
    std::string ack, verdict;
    std::uint64_t number = 0;
  };
  void send(Session& session, const std::string& ack, std::string_view verdict, bool asks);

  std::string inbox_;
  std::uint64_t last_ = 0, proved_ = 0;  ///< numbers that were asked for, and that were answered
  std::map<Key, Final> finals_;
  std::deque<std::pair<std::uint64_t, TimePoint>> rounds_;
  TimePoint renewed_ = TimePoint::min();
};

}  // namespace cleat::nats
