#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

#include "common/kafka/client.hpp"
#include "common/kafka/record.hpp"
#include "common/kafka/settings.hpp"

namespace cleat::kafka {

/// Writes records: create() on any thread, each call completed from the one thread that takes delivery
/// reports.
class Producer {
 public:
  Producer(const Settings& config, Host host, HealthBoard& health, ReadRequest read);
  /// stop() comes first.
  ~Producer();

  /// Begins to write; throws for a request that cannot be written. The request's bytes are sent from where
  /// they are.
  void create(const Request& request, Call&& call);
  /// Whether the broker answers, until the deadline. Blocks.
  bool ping(Deadline deadline);
  /// Completes every call: what can still be written until the deadline is, the rest fails.
  void stop(Deadline deadline);

 private:
  struct Pending {
    Pending(Call&& call_, const Request& request_, Record&& record_)
        : call(std::move(call_)), request(request_), record(std::move(record_)) {}
    Call call;
    Request request;
    Record record;
    std::list<Pending>::iterator place{};
    std::uint64_t answer_by_ns = 0;  ///< a little before its deadline; 0: it has none
    bool may_be_written = false;     ///< it went to a broker whose answer did not say that it was not written
    bool was_due = false;            ///< its time was nearly over already when keep_deadlines() looked
  };

  void send(Pending& pending);
  void finish(Pending& pending, rd_kafka_resp_err_t error);
  void fail(Pending& pending, rd_kafka_resp_err_t error);
  void delivered(const rd_kafka_message_t& report);
  void run();
  void keep_deadlines();
  void refuse_partitions();
  [[nodiscard]] std::int32_t partition_count();
  [[nodiscard]] std::uint64_t now() const { return host_.now_ns(); }

  Host host_;
  Settings config_;
  std::mutex mutex_;                  ///< for calls_ and misdirected_, and held in read_()
  std::list<Pending> calls_;          ///< in the order of their beginning
  std::deque<Pending*> misdirected_;  ///< refused at once for their partition; answered by the thread
  const ReadRequest read_;
  std::condition_variable empty_;
  std::atomic<bool> stopping_{false}, quit_{false};
  ClientPtr client_;
  Topic topic_;
  Queue queue_;
  std::thread thread_;
};

}  // namespace cleat::kafka
