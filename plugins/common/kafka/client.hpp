#pragma once

#include <cleat/plugin.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <librdkafka/rdkafka.h>

#include "common/kafka/bearer.hpp"
#include "common/kafka/health_board.hpp"
#include "common/kafka/properties.hpp"

namespace cleat::kafka {

/// Closes what librdkafka gave out.
struct RdDelete {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Queue = std::unique_ptr<rd_kafka_queue_t, RdDelete>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, RdDelete>;
using Topic = std::unique_ptr<rd_kafka_topic_t, RdDelete>;
using RdError = std::unique_ptr<rd_kafka_error_t, RdDelete>;
using Message = std::unique_ptr<rd_kafka_message_t, RdDelete>;

PartitionList new_list(std::size_t size);
std::string text_of(const RdError& error);

/// One librdkafka handle. It lives until its owner and every message that was lent to the host let go of it.
class Client {
 public:
  struct Callbacks {
    /// All of them run on the thread that polls the handle.
    std::function<void(const rd_kafka_message_t&)> delivered;
    std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> rebalance;
    std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> committed;
    WantToken want_token;
  };
  static constexpr auto consumer = RD_KAFKA_CONSUMER;
  static constexpr auto producer = RD_KAFKA_PRODUCER;

  /// Starts the library's threads; does not wait for a broker. Throws Error with the library's own sentence.
  /// `health` is told when the connection is lost.
  static Client* create(rd_kafka_type_t type, const Properties& properties, Host host, HealthBoard& health,
                        Callbacks callbacks);
  /// The owner lets go; nothing is called back afterwards. The handle closes here until `end`. What takes longer is left
  /// to a thread of its own: a name server or a coordinator that does not answer, or the host, if it still holds messages.
  void release(std::chrono::steady_clock::time_point end);

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  /// Makes bytes of a message that live as long as the host wants. Takes the message.
  cleat_buf lend(rd_kafka_message_t* message);
  /// Undoes lend() for bytes that the host did not accept.
  rd_kafka_message_t* take_back(const cleat_buf& lent);
  /// Asks any broker whether it answers, for at most this long; an answer sets the health to UP. Blocks.
  bool probe(int timeout_ms);
  /// Why the health is what it is: "Kafka cannot be reached: 127.0.0.1:9092: Connect to ... failed:
  /// Connection refused".
  [[nodiscard]] std::string why() const { return health_->why(part_); }
  [[nodiscard]] bool is_down() const { return health_->state(part_) == CLEAT_HEALTH_DOWN; }
  /// What it means for a call that the connection is down: UNAVAILABLE, or UNAUTHENTICATED if we are not let
  /// in.
  [[nodiscard]] cleat_status down_status() const { return down_status_; }
  void set_health(std::int32_t state, const std::string& why) { health_->set(part_, state, why); }
  [[nodiscard]] bool is_up() const { return health_->state(part_) == CLEAT_HEALTH_UP; }

 private:
  Client(rd_kafka_type_t type, Host host, HealthBoard& health, Callbacks callbacks);
  ~Client();
  /// Where a token goes, which may come when the handle is gone.
  struct TokenSink {
    std::mutex mutex;
    rd_kafka_t* handle = nullptr;
  };
  void set_callbacks(rd_kafka_conf_t* conf);
  void ask_for_token();
  [[nodiscard]] bool drop_reference();
  void set_down(rd_kafka_resp_err_t error, const std::string& text);
  static void on_error(rd_kafka_t*, int error, const char* reason, void* opaque);

  Host host_;
  HealthBoard* health_;
  HealthBoard::Part part_;
  Callbacks callbacks_;
  rd_kafka_t* handle_ = nullptr;
  const std::shared_ptr<TokenSink> token_sink_ = std::make_shared<TokenSink>();
  rd_kafka_resp_err_t last_error_ = RD_KAFKA_RESP_ERR__TRANSPORT;  ///< these two are the polling thread's
  std::string last_failure_;
  std::atomic<cleat_status> down_status_{CLEAT_UNAVAILABLE};
  std::atomic<bool> is_silent_{false};
  std::atomic<std::uint64_t> references_{1};
};

struct ReleaseClient {
  /// What a good connection takes to close, many times over.
  static constexpr std::chrono::seconds kUsual{1};
  std::optional<std::chrono::steady_clock::time_point> end;  ///< otherwise kUsual from then on
  /// For a stop that ends then: a twentieth of the time is for the way back to the host.
  void leave_time_before(std::chrono::steady_clock::time_point deadline) {
    end = deadline - (deadline - std::chrono::steady_clock::now()) / 20;
  }
  void operator()(Client* client) const {
    client->release(end.value_or(std::chrono::steady_clock::now() + kUsual));
  }
};
using ClientPtr = std::unique_ptr<Client, ReleaseClient>;

}  // namespace cleat::kafka
