#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "common/back_off.hpp"
#include "common/lanes.hpp"
#include "leases.hpp"
#include "message.hpp"
#include "pubsub_config.hpp"
#include "service.hpp"

namespace cleat::pubsub {

/// Reads the subscription: up to ten requests at a time wait for messages, as many as help and as the window has room for.
/// All on the loop's thread.
class Receiver {
 public:
  Receiver(Host host, common::CurlLoop& curl, Service& service, const PubSubConfig& config);

  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  /// Nothing is delivered from here on; what a request that still waits brings goes back at once.
  void end();
  /// `done` is called when the service has confirmed all that was settled, or says that it will not.
  void when_settled(std::function<void()> done) { leases_.when_settled(std::move(done)); }
  /// Ends the requests that wait, and says what was not confirmed.
  void close();

 private:
  using Clock = Leases::Clock;

  /// What the host has no room for yet.
  struct Waiting {
    std::uint64_t event = 0;
    Incoming message;
  };
  struct Out {
    std::uint64_t lane = 0;
    bool is_lost = false;
  };

  void look();
  void pump();
  void pump_after(std::chrono::milliseconds wait);
  void pull(std::size_t most);
  void pulled(std::size_t most, Clock::time_point asked_at, const Service::Answer& answer);
  void take(std::vector<Incoming> messages, Clock::time_point asked_at);
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] const std::string& group_of(const Incoming& message) const;
  void deliver_backlog();
  bool deliver(const Waiting& waiting, std::uint64_t lane);
  void settle_one(const cleat_settlement& one);
  void hand_back(std::uint64_t event, std::uint64_t lane, std::chrono::milliseconds delay);
  void hand_back_group(const std::string& group, std::chrono::seconds delay);
  void lost(const Leases::Events& events);

  Host host_;
  common::CurlLoop& curl_;
  common::EventLoop& loop_;
  Service& service_;
  const PubSubConfig& config_;
  Leases leases_;
  bool is_reading_ = false, is_closed_ = false, is_host_full_ = false;
  bool is_looking_ = false, is_known_ = false;         ///< what the subscription is
  bool is_ordered_ = true, has_dead_letters_ = false;  ///< of the subscription
  bool said_no_dead_letters_ = false;
  Window window_;
  std::size_t pulling_ = 0, wanted_ = 1, at_once_, asked_for_ = 0;
  common::BackOff back_off_, idle_;
  common::EventLoop::TimerId timer_ = 0;
  std::uint64_t last_event_ = 0;
  std::deque<Waiting> backlog_;
  std::map<std::uint64_t, Out> out_;
  common::Lanes lanes_;
};

}  // namespace cleat::pubsub
