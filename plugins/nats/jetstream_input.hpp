#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "consumer.hpp"
#include "input.hpp"
#include "intake.hpp"
#include "line.hpp"
#include "puller.hpp"
#include "settler.hpp"
#include "subscription.hpp"

namespace cleat::nats {

/// Reads a stream as a durable consumer. A message stays ours for as long as the host works on it: its lease is renewed, also
/// over another connection than the one it came by, and an event is withdrawn only when that was not possible for nearly all of
/// ackWait.
class JetStreamInput final : public Input, private Duty {
 public:
  JetStreamInput(const NatsConfig& config, Host host, Health& health);
  ~JetStreamInput() override;

  void start() override { line_.start(); }
  void begin(const Window& window) override { intake_.begin(window); }
  void set_window(const Window& window) override { intake_.set_window(window); }
  void settle(const Settlements& settlements) override { intake_.settle(settlements); }
  void end() override { intake_.end(); }
  void ping(Deadline deadline) override { line_.ping(deadline); }
  void stop(Deadline deadline) override { line_.stop(deadline); }

 private:
  void opened(Session& session) override;
  Clock::time_point work(Session& session) override;
  Clock::time_point idle() override;
  void lost(const Failure& failure) override;
  /// The end of each request for messages is waited for.
  [[nodiscard]] bool wants_checks() const override { return !is_joined_ || !puller_.is_asking(); }
  void closing(Session& session, Clock::time_point end) override;

  void join(Session& session);
  void take_in(Session& session, Clock::time_point now);
  void take_message(Session& session, Message message, Clock::time_point now);
  void give_back(Session& session);
  void keep_leases(Session& session, Clock::time_point now);
  void withdraw_lost(Clock::time_point now);
  void report();

  Host host_;
  const NatsConfig& config_;
  const ConsumerConfig& wanted_;
  Health& health_;

  std::mutex mutex_;
  std::vector<Message> arrived_;          ///< bounded by what was asked for
  std::atomic<std::uint64_t> proved_{0};  ///< the last number that the server answered

  Consumer consumer_;  ///< from here on the line's thread only
  bool is_joined_ = false, was_joined_ = false;
  std::string trouble_;  ///< what the server said about the last request
  Clock::time_point next_renewal_, next_withdrawal_;
  std::unique_ptr<Subscription> answers_;
  Settler settler_;
  Puller puller_;
  Intake intake_;
  Line line_;  ///< last: its thread uses all of the above
};

}  // namespace cleat::nats
