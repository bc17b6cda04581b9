#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>

#include "common/curl/loop.hpp"
#include "publisher.hpp"
#include "pubsub_config.hpp"
#include "receiver.hpp"
#include "service.hpp"

namespace cleat::pubsub {

/// bindings.gcp.pubsub: one thread that owns the connections, the messages that wait to be published, and the leases.
class PubSubBinding {
 public:
  explicit PubSubBinding(Host host) : host_(host) {}
  PubSubBinding(const PubSubBinding&) = delete;
  PubSubBinding& operator=(const PubSubBinding&) = delete;
  /// The thread ends before what it works with.
  ~PubSubBinding() {
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
  PubSubConfig config_;
  bool reads_ = false, writes_ = false;
  std::optional<common::CurlLoop> curl_;
  std::optional<Service> service_;
  std::optional<Publisher> publisher_;
  std::optional<Receiver> receiver_;
};

}  // namespace cleat::pubsub
