#pragma once

#include <cleat/plugin.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "calls.hpp"
#include "line.hpp"
#include "subscription.hpp"

namespace cleat::nats {

/// The calls of a component on their way. The host's threads put messages into a queue, because the library's locks may be
/// held for longer than a [hot] function has; the line's thread sends them; answers come on a thread of the library; what is out
/// of time is answered from a timer of the host.
class Output final : private Duty {
 public:
  Output(const NatsConfig& config, Host host, Health& health);
  ~Output() override;

  void start() { line_.start(); }
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void ping(Deadline deadline) { line_.ping(deadline); }
  void stop(Deadline deadline);

 private:
  void opened(Session& session) override;
  Clock::time_point work(Session& session) override;
  Clock::time_point idle() override;
  void lost(const Failure& failure) override;
  void complained(const std::string& words) override;
  void closing(Session& session, Clock::time_point end) override;

  /// Messages that the server answers nothing for.
  struct Published {
    std::vector<std::uint64_t> ids;
    std::vector<std::string> subjects;  ///< in the same order
  };
  void send(Session& session, std::vector<Calls::Taken> batch);
  void confirm(Session& session, const Published& published);
  void wait_for_refusals(const Published& published, std::uint64_t complaints_before);
  void answered(Message answer);

  Host host_;
  const NatsConfig& config_;
  Health& health_;
  Calls calls_;

  std::mutex mutex_;
  std::condition_variable complained_;
  std::uint64_t complaints_ = 0;               ///< of this connection
  std::set<std::string, std::less<>> denied_;  ///< subjects that it may not publish to, as far as it was told

  const std::string inbox_;
  std::unique_ptr<Subscription> answers_;  ///< the line's thread
  Line line_;                              ///< last: its thread uses all of the above
};

}  // namespace cleat::nats
