#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/back_off.hpp"
#include "frame_reader.hpp"
#include "health.hpp"
#include "inbox.hpp"
#include "link.hpp"
#include "mqtt_config.hpp"
#include "resolver.hpp"
#include "session.hpp"
#include "takeover_guard.hpp"

namespace cleat::mqtt {

/// Reads a topic: one connection and one thread, which begins with the first begin() and goes on until stop().
class Subscriber {
 public:
  Subscriber(const MqttConfig& config, Host host, Health& health, const TlsContext* tls);
  ~Subscriber() { stop(); }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  void begin(const Window& window);
  void set_window(const Window& window) { inbox_.set_window(window); }
  void settle(const Settlements& settlements) { inbox_.settle(settlements); }
  void end() { inbox_.end(); }
  /// Whether the broker answers until the deadline. Blocks. Before the first begin() there is nobody to ask: true.
  bool ping(Deadline deadline);
  /// Leaves the broker, which keeps the session, and joins the thread. Idempotent.
  void stop();

 private:
  enum class Phase { waiting, resolving, connecting, talking, given_up };
  /// For a connection and for each answer of the broker; as Dapr's component.
  static constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds(10);

  // All of this on the thread.
  void run();
  void break_off();
  void advance(std::uint64_t now);
  void wait(std::uint64_t now);
  void resolve();
  void take_addresses(std::uint64_t now);
  void connect_next(std::uint64_t now);
  void connecting(std::uint64_t now);
  void open_session(std::uint64_t now);
  void talk(std::uint64_t now);
  bool read_frames(std::uint64_t now);
  void hear(const Frame& frame, std::uint64_t now);
  void opened(const Session::Opened& opened, std::uint64_t now);
  void live(unsigned granted_qos);
  void acknowledge(std::uint64_t now);
  void flush(std::uint64_t now);
  void look_for_stall(std::uint64_t now);
  void answer_pings(std::uint64_t now);
  /// The connection, or the attempt at one, is over.
  void lost(const Session::Ended& ended, std::uint64_t now);
  void try_again(std::uint64_t at_ns, const std::string& why);

  const MqttConfig config_;
  Host host_;
  Health& health_;
  Wake wake_;
  Inbox inbox_;
  Resolver resolver_;
  Link link_;
  common::BackOff back_off_{std::chrono::milliseconds(200), std::chrono::seconds(30)};
  TakeoverGuard guard_;
  FrameReader frames_;
  std::optional<Session> session_;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  std::string received_;
  Phase phase_ = Phase::waiting;
  std::uint64_t retry_at_ns_ = 0, attempt_ends_ns_ = 0;
  std::uint64_t held_number_ = 0, held_since_ns_ = 0;
  unsigned granted_qos_ = 0;
  std::uint16_t limit_ = 1;
  bool is_subscribed_ = false;  ///< under the session that the broker keeps
  bool had_session_ = false;
  bool is_blocked_ = false;  ///< what came waits for room, and nothing is read
  bool is_busy_ = false;     ///< there may be more to read that poll() does not see

  std::atomic<bool> quit_{false}, begun_again_{false};
  std::mutex ping_mutex_;
  std::condition_variable answered_;
  std::uint64_t pings_ = 0, pings_sent_ = 0, pings_answered_ = 0;
  std::uint64_t answers_before_ = 0;
  std::thread thread_;
};

}  // namespace cleat::mqtt
