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
#include "pubsub_config.hpp"
#include "service.hpp"
#include "verdicts.hpp"

namespace cleat::pubsub {

/// What is held of the subscription: messages from their receipt until they are acknowledged, given back or lost. Their
/// deadlines are put off meanwhile, and what is acknowledged is asked for until the service confirms it. All on the loop's
/// thread.
class Leases {
 public:
  using Clock = std::chrono::steady_clock;
  using Events = std::vector<std::uint64_t>;
  /// Others may get these now. What was acknowledged is never among them.
  using Lost = std::function<void(const Events& events)>;
  using News = std::function<void()>;

  /// `news` is called when less is unconfirmed than before.
  Leases(Host host, Service& service, const PubSubConfig& config, Lost lost, News news);

  /// How long the subscription leaves a message to its reader.
  void set_deadline(std::chrono::seconds subscriptions);
  [[nodiscard]] std::chrono::seconds deadline() const { return deadline_; }
  void add(std::uint64_t event, std::string ack_id, std::string message_id, Clock::time_point given_at);
  [[nodiscard]] bool has_ended(std::uint64_t event) const;

  /// Each ends what add() began.
  void acknowledge(std::uint64_t event);
  void give_back(std::uint64_t event, std::chrono::seconds delay);
  /// It comes again when its time is over.
  void leave(std::uint64_t event);

  [[nodiscard]] std::size_t unconfirmed() const { return unconfirmed_; }
  /// `done` is called when the service has confirmed all that was settled, or says that it will not.
  void when_settled(std::function<void()> done);
  /// Says what was not confirmed.
  void close();

 private:
  struct Lease {
    std::string ack_id, message_id;
    Clock::time_point until;
    std::chrono::seconds length{0};  ///< of this time
    enum class Renewal { none, wanted, asked } renewal = Renewal::none;
    bool is_lost = false;          ///< others may get it
    bool is_acknowledged = false;  ///< and not confirmed
    bool goes_alone = false;
  };
  struct Return {
    std::uint64_t event = 0;
    std::string ack_id;
    Clock::time_point visible_at;
  };
  /// Of one request.
  struct Ids {
    Events events;
    std::vector<std::string> ack_ids;
    std::size_t bytes = 0;
    void add(std::uint64_t event, const std::string& ack_id);
    [[nodiscard]] bool is_full() const;
  };

  /// For how long a renewal is.
  [[nodiscard]] std::chrono::seconds length() const;
  void renew_soon();
  void renew();
  void lost(const Events& events, const char* why);
  void flush_soon();
  void flush();
  Ids next_ids(std::deque<std::uint64_t>& queue);
  void send_acknowledgements();
  void acknowledged(const Ids& ids, const Service::Answer& answer);
  void send_renewals();
  void renewed(const Ids& ids, Clock::time_point asked_at, std::chrono::seconds length,
               const Service::Answer& answer);
  void send_returns();
  void modify(const Ids& ids, std::chrono::seconds deadline, std::chrono::milliseconds within,
              std::function<void(const Service::Answer&)> done);
  void look_if_settled();

  Host host_;
  Service& service_;
  common::EventLoop& loop_;
  const PubSubConfig& config_;
  const Lost lost_;
  const News news_;
  std::chrono::seconds deadline_{10};
  std::map<std::uint64_t, Lease> leases_;
  std::size_t unconfirmed_ = 0;
  std::deque<std::uint64_t> acknowledgements_, renewals_;
  std::deque<Return> returns_;
  std::unordered_map<std::uint64_t, Return> held_returns_;  ///< by event, until its renewal is answered
  std::size_t acknowledging_ = 0, modifying_ = 0;           ///< requests
  common::BackOff back_off_;
  common::EventLoop::TimerId renew_timer_ = 0, again_timer_ = 0;
  bool is_flushing_ = false, is_closed_ = false;
  std::function<void()> settled_;
};

}  // namespace cleat::pubsub
