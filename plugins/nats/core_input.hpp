#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "input.hpp"
#include "intake.hpp"
#include "line.hpp"
#include "subscription.hpp"

namespace cleat::nats {

/// Reads subjects without JetStream: at most once, because the server keeps nothing. What the host gives back is kept here and
/// offered again; what comes faster than it is taken is dropped beyond maxBuffered, and counted.
class CoreInput final : public Input, private Duty {
 public:
  CoreInput(const NatsConfig& config, Host host, Health& health);
  ~CoreInput() override;

  void start() override { line_.start(); }
  void begin(const Window& window) override { intake_.begin(window); }
  void set_window(const Window& window) override { intake_.set_window(window); }
  void settle(const Settlements& settlements) override { intake_.settle(settlements); }
  void end() override { intake_.end(); }
  void ping(Deadline deadline) override { line_.ping(deadline); }
  void stop(Deadline deadline) override;

 private:
  void opened(Session& session) override;
  Clock::time_point work(Session& session) override;
  Clock::time_point idle() override;
  void lost(const Failure& failure) override;
  void closing(Session& session, Clock::time_point end) override;

  void arrived(Message message);
  Clock::time_point hand_over(Clock::time_point now);
  void take_back(Settled one, Clock::time_point now);
  void report(Clock::time_point now);

  Host host_;
  const NatsConfig& config_;
  Health& health_;

  std::mutex mutex_;
  std::vector<Message> arrived_;
  std::shared_ptr<std::atomic<std::size_t>> bytes_ =
      std::make_shared<std::atomic<std::size_t>>(0);  ///< of all that is here
  std::size_t held_ = 0;                              ///< beyond those in arrived_ and those that are out
  std::uint64_t dropped_ = 0;

  std::uint64_t told_ = 0;  ///< from here on the line's thread only
  Clock::time_point next_told_;
  std::multimap<Clock::time_point, Item> delayed_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  Intake intake_;
  Line line_;  ///< last: its thread uses all of the above
};

}  // namespace cleat::nats
