#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/azure/account.hpp"
#include "common/azure/client.hpp"
#include "common/back_off.hpp"
#include "common/curl/loop.hpp"
#include "common/kafka/first_start.hpp"

namespace cleat::eventhubs {

/// Where Azure's clients for AMQP, and with them Dapr, keep what a consumer group has read of a hub.
struct CheckpointPlace {
  azure::Account account;
  std::string container;
  /// "shop.servicebus.windows.net/orders/shop/checkpoint/", with the partition's number behind it.
  std::string folder;
  std::string ca;  ///< PEM; empty: the system's
};

/// Reads those checkpoints, on a thread of its own. Nothing is ever written.
class CheckpointStore {
 public:
  using Clock = std::chrono::steady_clock;

  /// `place` outlives it.
  CheckpointStore(Host host, const CheckpointPlace& place);
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;
  ~CheckpointStore() { stop(); }

  /// As kafka::FirstStarts: behind the checkpoint of each partition. What is not answered by `end` is asked for further,
  /// and is there for a later call. After a failure a partition is asked for again when a back-off is over.
  std::map<kafka::PartitionKey, kafka::FirstStart> starts(const std::vector<kafka::PartitionKey>& partitions,
                                                          Clock::time_point end);
  /// Ends what starts() waits for, and the thread.
  void stop();

 private:
  struct Entry {
    kafka::FirstStart start;
    bool is_asking = false;
    Clock::time_point good_until{};  ///< of `start`
    common::BackOff back_off{std::chrono::seconds(1), std::chrono::seconds(30)};
  };

  void ask(std::int32_t partition);
  void answered(std::int32_t partition, const common::HttpResponse* answer, const azure::Failure* failure);
  [[nodiscard]] kafka::FirstStart start_of(const std::string& blob, const common::HttpResponse* answer,
                                           const azure::Failure* failure);

  Host host_;
  const CheckpointPlace& place_;
  common::CurlLoop curl_;
  azure::Client client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int32_t, Entry> entries_;
  bool is_stopped_ = false, was_missing_ = false;
};

}  // namespace cleat::eventhubs
