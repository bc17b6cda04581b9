#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "message.hpp"
#include "queue.hpp"
#include "sqs_config.hpp"

namespace cleat::sqs {

/// The calls of the application, sent in batches of up to ten: at once while nothing is on its way, otherwise when a batch is
/// full or its first message has waited for `linger`.
class Sender {
 public:
  Sender(Host host, Queue& queue, const SqsConfig& config);

  /// The io thread's. Throws Error for a message that cannot be sent, and when too much waits already.
  void invoke(const Request& request, Call&& call);
  /// Any thread.
  void cancel(std::uint64_t call_id);
  /// On the loop: every call that is out ends, later ones at once.
  void end();

 private:
  struct Pending {
    std::uint64_t id = 0;
    Call call;
    Outgoing message;
    std::uint64_t deadline_ns = 0;
    std::uint64_t may_go_until_ns = 0;  ///< the deadline of the request that it is in
    common::EventLoop::TimerId timer = 0;
    std::list<std::shared_ptr<Pending>>::iterator place;  ///< in waiting_, while is_waiting
    bool is_waiting = false, was_sent = false, is_over = false;
  };
  using PendingPtr = std::shared_ptr<Pending>;
  using Batch = std::vector<PendingPtr>;

  void begin(const PendingPtr& pending);
  void flush();
  [[nodiscard]] Batch next_batch();
  [[nodiscard]] bool is_due() const;
  void send(Batch batch);
  void answered(const Batch& batch, const common::JsonValue* answer, const aws::Failure* failure);
  void take(const Batch& batch, const common::JsonValue& answer);
  void give_up(const PendingPtr& pending, cleat_status status, const std::string& why);
  void fail(const PendingPtr& pending, cleat_status status, const std::string& why, bool is_retryable,
            std::uint32_t retry_after_ms = 0);
  void finish(const PendingPtr& pending);

  Host host_;
  Queue& queue_;
  const SqsConfig& config_;
  const std::size_t most_requests_;
  std::list<PendingPtr> waiting_;
  std::map<std::uint64_t, PendingPtr> calls_;  ///< all that are not over, by their id
  std::chrono::steady_clock::time_point waiting_since_;
  common::EventLoop::TimerId linger_ = 0;
  std::size_t requests_ = 0;
  bool is_flushing_ = false, is_ended_ = false;
  std::atomic<std::size_t> count_{0}, bytes_{0};
};

}  // namespace cleat::sqs
