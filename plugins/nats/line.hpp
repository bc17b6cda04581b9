#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "attempt.hpp"
#include "health.hpp"
#include "session.hpp"

namespace cleat::nats {

using Clock = std::chrono::steady_clock;

/// What is done over a connection. All functions run on the thread of one Line.
class Duty {
 public:
  Duty() = default;
  Duty(const Duty&) = delete;
  Duty& operator=(const Duty&) = delete;
  virtual ~Duty() = default;

  /// There is a new connection; it lives until lost() or closing() has returned. Throws Error if it cannot be used.
  virtual void opened(Session& session) = 0;
  /// Does what there is to do, and says when to be called again at the latest; Line::wake() calls it earlier. Throws Error if the
  /// connection is of no use any more.
  virtual Clock::time_point work(Session& session) = 0;
  /// The same while there is no connection.
  virtual Clock::time_point idle() = 0;
  /// There is none, `failure` says why. Also after each attempt that failed.
  virtual void lost(const Failure& failure) = 0;
  /// On a thread of the library: the server's words about something that it refused.
  virtual void complained(const std::string& /*words*/) {}
  /// Whether the line has to find out that the server is gone without a word; false where the duty sees it itself.
  [[nodiscard]] virtual bool wants_checks() const { return true; }
  /// The line stops. The connection is closed after this.
  virtual void closing(Session& session, Clock::time_point end) = 0;
};

/// Keeps a connection: makes one, makes another one after a loss, for ever, with back-off, and lets the duty work over it.
/// One thread.
class Line {
 public:
  Line(const ServerConfig& config, Host host, Health& health, Health::Part part, Duty& duty);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  void start();
  /// Any thread, under any lock of the duty's.
  void wake();
  /// Asks the server whether it answers. Throws Error. Blocks until the deadline at most.
  void ping(Deadline deadline);
  /// Ends the thread.
  void stop(Deadline deadline);

 private:
  void run();
  Clock::time_point step();
  Clock::time_point connect();
  Clock::time_point use();
  void check(Clock::time_point now);
  void fail(const Failure& failure);
  void answer_ping();
  void finish();
  void complained(const std::string& words);

  const ServerConfig& config_;
  Host host_;
  Health& health_;
  Health::Part part_;
  Duty& duty_;

  std::unique_ptr<Session> session_;  ///< these are the thread's
  std::unique_ptr<Attempt> attempt_;
  std::vector<std::weak_ptr<void>> abandoned_;
  Clock::time_point next_attempt_ = Clock::now(), next_check_, opened_at_;
  int failures_ = 0, missed_checks_ = 0;
  std::minstd_rand random_{std::random_device{}()};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_awake_ = false, is_stopping_ = false, is_closed_ = false;
  Clock::time_point stop_by_;
  std::uint64_t pings_asked_ = 0, pings_answered_ = 0;
  Failure ping_failure_;  ///< of the last answer; no text: the server answered
  std::string last_complaint_;
  std::thread thread_;
};

}  // namespace cleat::nats
