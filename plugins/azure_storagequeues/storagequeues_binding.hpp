#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "common/azure/place.hpp"
#include "common/curl/loop.hpp"
#include "common/told_health.hpp"
#include "puts.hpp"
#include "queue_config.hpp"
#include "receiver.hpp"

namespace cleat::storagequeues {

/// bindings.azure.storagequeues: one thread that owns the connections and the leases.
class StorageQueuesBinding {
 public:
  explicit StorageQueuesBinding(Host host) : host_(host) {}
  StorageQueuesBinding(const StorageQueuesBinding&) = delete;
  StorageQueuesBinding& operator=(const StorageQueuesBinding&) = delete;
  /// The thread ends before what it uses.
  ~StorageQueuesBinding() {
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
  void tell_health(std::int32_t health, const std::string& why);
  void complain(const std::string& why);

  Host host_;
  QueueConfig config_;
  bool has_input_ = false;
  common::ToldHealth health_{host_};
  std::string complaint_;  ///< about answers of a service that is up otherwise
  std::optional<common::CurlLoop> curl_;
  std::optional<azure::Place> queue_;
  std::optional<Puts> puts_;
  std::optional<Receiver> receiver_;
};

}  // namespace cleat::storagequeues
