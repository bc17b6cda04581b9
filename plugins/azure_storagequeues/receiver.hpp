#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/azure/place.hpp"
#include "common/back_off.hpp"
#include "message.hpp"
#include "queue_config.hpp"

namespace cleat::storagequeues {

/// Reads the queue. What was received is kept invisible until it is settled, and deleted when it is acknowledged. Each change
/// of a message gives it a new receipt, and only the latest one counts: so there is never more than one request out for a
/// message. All on the loop's thread.
class Receiver {
 public:
  /// `complain` hears what is wrong with what the queue answers, or "" when it is well again.
  using Complain = std::function<void(const std::string& why)>;

  Receiver(Host host, common::EventLoop& loop, azure::Place& queue, const QueueConfig& config,
           Complain complain);

  void begin(const Window& window);
  void set_window(const Window& window);
  void settle(const std::vector<cleat_settlement>& items);
  /// Nothing is delivered from here on; what was received and not delivered goes back at once.
  void end();
  /// `done` is called when the queue has confirmed all that was settled, or says that it will not.
  void when_settled(std::function<void()> done);
  /// Says what was not confirmed.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Wish { keep, remove, give_back };

  /// What we have of a message, under the number of its event.
  struct Lease {
    std::string id, receipt;
    Clock::time_point until;
    Wish wish = Wish::keep;
    std::chrono::seconds give_back_after{0};
    bool is_out = false;      ///< the host has it, or has settled it
    bool is_queued = false;   ///< a request about it waits for its turn
    bool is_asked = false;    ///< a request about it is out
    bool is_lost = false;     ///< others may get it
    bool is_unsure = false;   ///< the answer to a change was lost: the receipt may be an old one
    Clock::time_point again;  ///< no request before, after one that failed
    std::optional<common::BackOff> back_off;  ///< of a deletion that failed
  };

  void pump();
  void pump_after(std::chrono::milliseconds wait);
  void receive(std::size_t most);
  void received(Clock::time_point asked_at, const common::HttpResponse* answer,
                const azure::Failure* failure);
  void take(Message message, Clock::time_point until);
  [[nodiscard]] std::size_t room() const;
  void deliver_backlog();
  bool deliver(std::uint64_t number, const Message& message);

  void settle_one(const cleat_settlement& one);
  void look_after();
  void look_after_soon();
  void enqueue(std::uint64_t number, Lease& lease);
  void run();
  std::optional<std::uint64_t> next_to_ask();
  void request(std::uint64_t number, Lease& lease);
  void change(std::uint64_t number, const Lease& lease, std::chrono::seconds visibility,
              Clock::duration within);
  void changed(std::uint64_t number, Wish asked, Clock::time_point asked_at,
               const common::HttpResponse* answer, const azure::Failure* failure);
  void remove(std::uint64_t number, const Lease& lease);
  void removed(std::uint64_t number, const azure::Failure* failure);
  void lose(std::uint64_t number, const std::string& why);
  void remember(const Lease& lease, const std::string& why);
  void forget(std::uint64_t number);
  void look_if_settled();

  Host host_;
  common::EventLoop& loop_;
  azure::Place& queue_;
  const QueueConfig& config_;
  const Complain complain_;
  bool is_reading_ = false, is_closed_ = false, is_host_full_ = false, is_receiving_ = false,
       is_running_ = false;
  bool said_not_base64_ = false, said_incomplete_ = false;
  Window window_;
  std::size_t asked_for_ = 0;
  std::chrono::milliseconds idle_{0};  ///< the last wait before an empty queue was looked into again
  common::BackOff receive_back_off_;
  common::EventLoop::TimerId pump_timer_ = 0, lease_timer_ = 0;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Lease> leases_;
  std::map<std::string, std::uint64_t> numbers_;  ///< by the message's id: the last one
  /// Ids of messages that are done and could not be deleted: what comes back is deleted then. The oldest one first.
  std::deque<std::string> done_;
  std::size_t settled_count_ = 0;  ///< of leases_: wishes that are not fulfilled
  std::deque<std::pair<std::uint64_t, Message>> backlog_;
  std::deque<std::uint64_t> renewals_, todo_;  ///< that wait for their turn; todo_ is what is settled
  std::size_t asking_ = 0;
  std::function<void()> settled_;
};

}  // namespace cleat::storagequeues
