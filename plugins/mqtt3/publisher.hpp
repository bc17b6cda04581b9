#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/back_off.hpp"
#include "health.hpp"
#include "mosquitto_client.hpp"
#include "mqtt_config.hpp"
#include "publication.hpp"
#include "resolver.hpp"
#include "takeover_guard.hpp"
#include "wake.hpp"

namespace cleat::mqtt {

/// Publishes: create() on any thread; the connection and every answer are the business of one thread.
class Publisher : private MosquittoClient::Listener {
 public:
  Publisher(const MqttConfig& config, Host host, Health& health, const TlsContext* tls);
  ~Publisher() override { stop({}); }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// Begins a publication; throws for a request that cannot be one. The request's bytes are sent from where they are.
  void create(const Request& request, Call&& call);
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  /// Completes every call: what the broker acknowledges until shortly before the deadline succeeds. Joins the thread. Idempotent.
  void stop(Deadline deadline);

 private:
  using Listener = MosquittoClient::Listener;
  struct Pending {
    Pending(Call&& call_, Publication&& publication_, std::uint64_t answer_by)
        : call(std::move(call_)), publication(std::move(publication_)), answer_by_ns(answer_by) {}
    Call call;
    Publication publication;
    std::uint64_t answer_by_ns;  ///< a little before its deadline; UINT64_MAX: it has none
    int id = 0;                  ///< the library's, once it has it
  };
  using Calls = std::list<Pending>;
  enum class Phase { waiting, resolving, connecting, accepted };

  // All of this on the thread.
  void run();
  void advance(std::uint64_t now);
  void wait(std::uint64_t now);
  void take_addresses(std::uint64_t now);
  void connect_next(std::uint64_t now);
  void take_calls();
  void send(std::uint64_t now);
  void keep_deadlines(std::uint64_t now);
  void give_up_if_stuck(std::uint64_t now);
  void accepted(unsigned receive_maximum) override;
  void published(int id, std::uint8_t code) override;
  void over(const MosquittoClient::End& end, std::uint64_t now);
  void try_again(std::uint64_t at_ns, const std::string& why);
  void fail_waiting(const std::string& why);
  void finish(Calls& calls, Calls::iterator place, const std::optional<Refusal>& refusal);

  const MqttConfig config_;
  Host host_;
  Health& health_;
  const TlsContext* tls_;
  Wake wake_;
  Resolver resolver_;
  common::BackOff back_off_{std::chrono::milliseconds(200), std::chrono::seconds(30)};
  TakeoverGuard guard_;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  Phase phase_ = Phase::waiting;
  std::uint64_t retry_at_ns_ = 0, attempt_ends_ns_ = 0;
  std::uint64_t next_due_ns_ = UINT64_MAX;  ///< the first call that must be answered
  unsigned most_in_flight_ = 1;
  short events_ = 0;  ///< what poll() found for the connection
  Calls waiting_;     ///< not yet the library's
  Calls sent_;
  std::unordered_map<int, Calls::iterator> by_id_;
  std::unordered_set<int> late_;  ///< sent, their calls have ended, and the library still keeps them
  std::uint64_t stuck_since_ns_ = UINT64_MAX;  ///< all that may be in flight is late
  int published_early_ = 0;                    ///< published() was called for this one from inside publish()
  std::uint8_t early_code_ = 0;
  std::unique_ptr<MosquittoClient> client_;

  std::mutex mutex_;  ///< for new_, open_ and why_down_
  Calls new_;
  std::size_t open_ = 0;  ///< calls without an answer
  std::string why_down_;  ///< empty while a connection is there or being tried for
  std::condition_variable answered_;
  std::atomic<bool> quit_{false}, is_connected_{false};
  std::thread thread_;
};

}  // namespace cleat::mqtt
