#pragma once

#include <cleat/plugin.hpp>

#include <optional>
#include <string>

#include "common/curl/loop.hpp"
#include "common/told_health.hpp"
#include "queue.hpp"
#include "receiver.hpp"
#include "sender.hpp"
#include "sqs_config.hpp"

namespace cleat::sqs {

/// bindings.aws.sqs: one thread that owns the connections, the messages that wait to be sent, and the leases.
class SqsBinding {
 public:
  explicit SqsBinding(Host host) : host_(host) {}
  SqsBinding(const SqsBinding&) = delete;
  SqsBinding& operator=(const SqsBinding&) = delete;
  /// The thread ends before what it works with.
  ~SqsBinding() {
    if (curl_) curl_->stop();
  }

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(Settlements settlements);
  void end_input(Deadline deadline);
  void stop(Deadline deadline);

 private:
  Host host_;
  SqsConfig config_;
  bool has_input_ = false;
  common::ToldHealth health_{host_};
  std::optional<common::CurlLoop> curl_;
  std::optional<Queue> queue_;
  std::optional<Sender> sender_;
  std::optional<Receiver> receiver_;
};

}  // namespace cleat::sqs
