#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/back_off.hpp"
#include "common/lanes.hpp"
#include "lease.hpp"
#include "message.hpp"
#include "queue.hpp"
#include "sqs_config.hpp"

namespace cleat::sqs {

/// Reads the queue: up to ten requests at a time wait for messages, as many as find some and as the window has room for. What
/// is out is kept invisible until it is settled, and deleted when it is acknowledged. All on the loop's thread.
class Receiver {
 public:
  Receiver(Host host, common::CurlLoop& curl, Queue& queue, const SqsConfig& config);

  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  /// Nothing is delivered from here on; what a request that still waits brings goes back at once.
  void end();
  /// `done` is called when the queue has confirmed all that was settled, or says that it will not.
  void when_settled(std::function<void()> done);
  /// Ends the requests that wait, and says what was not confirmed.
  void close();

 private:
  using Clock = Lease::Clock;

  /// What the host has no room for yet.
  struct Waiting {
    std::uint64_t event = 0;
    Incoming message;
    Lease lease;
  };
  /// Of when a message can be seen again.
  struct Change {
    std::string receipt;
    std::uint64_t event = 0;
    Clock::time_point visible_at;
    bool is_renewal = false;  ///< otherwise the message is given back
  };

  void look();
  void pump();
  void receive(std::size_t most);
  void received(std::size_t most, Clock::time_point asked_at, const common::JsonValue* answer,
                const aws::Failure* failure);
  [[nodiscard]] std::size_t room() const;
  void deliver_backlog();
  bool deliver(const Waiting& waiting, std::uint64_t lane);

  void acknowledge(std::uint64_t event, Lease& lease);
  void send_deletes();
  void deleted(const std::vector<std::uint64_t>& events, const common::JsonValue* answer);
  void forget_done(std::uint64_t event);
  void hand_back(std::uint64_t event, std::chrono::milliseconds delay);
  void hand_back_group(const std::string& group, std::chrono::seconds delay);
  void give_back(std::uint64_t event, Lease& lease, std::chrono::seconds delay);
  void settle_one(const cleat_settlement& one);

  void send_changes();
  void send_changes(std::deque<Change>& all, std::chrono::milliseconds within);
  void changed(const std::vector<Change>& changes, const common::JsonValue* answer);
  void renew_soon();
  void renew();
  [[nodiscard]] std::vector<std::uint64_t> ended_backlog(Clock::time_point now) const;
  Lease* lease_of(std::uint64_t event);
  void lost(const std::vector<std::uint64_t>& events, const char* why);
  void drop_waiting(std::uint64_t event);
  void flush_soon();
  void look_if_settled();

  Host host_;
  common::CurlLoop& curl_;
  common::EventLoop& loop_;
  Queue& queue_;
  const SqsConfig& config_;
  bool is_reading_ = false, is_closed_ = false, has_redrive_ = false, said_no_redrive_ = false;
  Window window_;
  bool is_host_full_ = false;
  std::size_t receiving_ = 0, wanted_ = 1, asked_for_ = 0;
  common::BackOff receive_back_off_, delete_back_off_;
  common::EventLoop::TimerId pump_timer_ = 0, delete_timer_ = 0, renew_timer_ = 0;
  std::uint64_t last_event_ = 0;
  std::deque<Waiting> backlog_;
  std::map<std::uint64_t, Lease> out_;
  std::size_t done_ = 0;  ///< of out_: acknowledged, not confirmed
  common::Lanes lanes_;
  std::deque<std::uint64_t> deletes_;
  std::deque<Change> renewals_, returns_;
  std::unordered_map<std::uint64_t, Change> held_returns_;  ///< by event, until its renewal is answered
  std::size_t deleting_ = 0, changing_ = 0;
  bool is_flushing_ = false;
  std::function<void()> settled_;
};

}  // namespace cleat::sqs
