#pragma once

#include <cleat/plugin.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "line.hpp"
#include "outgoing.hpp"
#include "subscription.hpp"

namespace cleat::nats {

/// The calls of a component. The host's threads put messages into a queue; the line's thread sends them, because sending may
/// block; answers come on a thread of the library; what is out of time is answered from a timer of the host.
class Output final : public Duty {
 public:
  Output(const NatsConfig& config, Host host, Health& health);
  ~Output() override;

  void start() { line_.start(); }
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void ping(Deadline deadline) { line_.ping(deadline); }
  void stop(Deadline deadline);

  void opened(Session& session) override;
  Clock::time_point work(Session& session) override;
  Clock::time_point idle() override;
  void lost(const Failure& failure) override;
  void complained(const std::string& words) override;
  void closing(Session& session, Clock::time_point end) override;

 private:
  struct Pending {
    Call call;
    Outgoing outgoing;
    Message message;  ///< until it is sent
    std::uint64_t answer_by_ns = 0;
    std::size_t size = 0;  ///< of headers and data
    bool is_sent = false;
  };
  using Calls = std::unordered_map<std::uint64_t, Pending>;
  struct Taken {
    std::uint64_t id;
    Message message;
    Kind kind;
    std::size_t size;
  };

  std::vector<Taken> take_queue();
  void send(Session& session, std::vector<Taken> batch);
  void confirm(Session& session, const std::vector<std::uint64_t>& published);
  void answered(Message answer);
  Calls::node_type take(std::uint64_t id);
  void fail(std::uint64_t id, const std::function<CallFailure(const Pending&)>& why);
  void fail_all(const std::function<CallFailure(const Pending&)>& why);
  std::uint64_t expire();
  void arm(std::uint64_t at_ns);

  Host host_;
  const NatsConfig& config_;
  Health& health_;

  std::mutex mutex_;
  std::condition_variable changed_;  ///< no call left, or a complaint more
  Calls calls_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> deadlines_;  ///< answer by, call
  std::deque<std::uint64_t> queue_;                              ///< not sent yet
  std::size_t queued_bytes_ = 0;
  std::uint64_t armed_ns_ = 0, complaints_ = 0;
  bool is_stopping_ = false;
  std::optional<Failure> down_;  ///< why there is no connection

  const std::string inbox_;
  std::unique_ptr<Subscription> answers_;  ///< the line's thread
  Line line_;                              ///< last: its thread uses all of the above
};

}  // namespace cleat::nats
