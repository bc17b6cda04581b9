#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "wake.hpp"

namespace cleat::mqtt {

/// The border between the host's calls and the thread that reads: one lock, held across deliver(), as the contract asks.
class Inbox {
 public:
  Inbox(Host host, const Wake& wake);

  // ---- called by the host
  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const Settlements& settlements);
  /// No delivery happens after this returned.
  void end();

  // ---- called by the thread that reads
  /// Most packets that may be unacknowledged: `wanted`, or the window if that is 0. Never 0, and while input is paused what it
  /// was before.
  std::uint16_t limit(std::uint16_t wanted);
  /// Whether another message may be taken in.
  bool has_room(unsigned qos, std::size_t limit);
  Ledger::Arrival take(const Publish& publish);
  /// Offers the host what waits. False: the host refuses an event for good.
  bool deliver();
  std::vector<std::uint16_t> take_acknowledgeable();

  struct Held {
    std::uint64_t number = 0;  ///< 0: nothing holds up the others
    std::string name;
  };
  /// The event that all the others wait for with their acknowledgement, if so many do that none comes any more.
  Held holding(std::size_t limit);
  std::size_t unacknowledged();

  void connection_lost();
  void session_gone();
  /// The session belongs to another client: what has not started is not to be started here.
  void session_taken();

 private:
  /// The message's name among all that this process and others before it have delivered. MQTT has none of its own.
  [[nodiscard]] std::string name_of(const Ledger::Waiting& one) const;

  Host host_;
  const Wake& wake_;
  const std::string run_;
  std::mutex mutex_;
  Ledger ledger_;
  Window window_;
  std::uint32_t last_window_ = 1;
  std::uint64_t ids_ = 0;
  bool is_reading_ = false, was_refused_ = false;
};

}  // namespace cleat::mqtt
