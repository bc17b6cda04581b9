// Floor of a Kafka event in: a consumer in a group, one connection per partition, one POST at a time in each
// partition, and the offset stored after a 2xx for librdkafka's periodic commit. One thread of ours; each
// partition has its own queue, so that a slow one does not stop the others.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>

#include "args.hpp"
#include "beast_client.hpp"
#include "kafka_client.hpp"

namespace cleat::bench {
namespace {

struct MessageClose {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using MessagePtr = std::unique_ptr<rd_kafka_message_t, MessageClose>;

/// One partition: its queue, its connection, and what was read and not yet posted.
class Partition {
 public:
  Partition(boost::asio::io_context& io, KafkaQueue queue, std::uint16_t port)
      : queue_(std::move(queue)),
        connection_(connect(io, port, "/events", [this](unsigned status) { answered(status); })) {}

  void add(MessagePtr message) { unread_.push_back(std::move(message)); }
  /// Posts the next record unless one is out.
  void go_on();

 private:
  void answered(unsigned status);

  KafkaQueue queue_;
  std::unique_ptr<ClientConnection> connection_;
  std::deque<MessagePtr> unread_{};
  MessagePtr out_{};
};

void Partition::go_on() {
  if (out_) return;
  if (unread_.empty()) {
    std::array<rd_kafka_message_t*, 64> batch;
    const auto size = rd_kafka_consume_batch_queue(queue_.get(), 0, batch.data(), batch.size());
    for (std::ptrdiff_t at = 0; at < size; ++at)
      add(MessagePtr(batch[static_cast<std::size_t>(at)]));
  }
  if (unread_.empty()) return;
  out_ = std::move(unread_.front());
  unread_.pop_front();
  if (out_->err != RD_KAFKA_RESP_ERR_NO_ERROR) kafka_failed("consuming", rd_kafka_message_errstr(out_.get()));
  connection_->post({static_cast<const char*>(out_->payload), out_->len});
}

void Partition::answered(unsigned status) {
  if (status / 100 != 2) kafka_failed("the application answered no 2xx", std::to_string(status).c_str());
  rd_kafka_offset_store(out_->rkt, out_->partition, out_->offset);
  out_.reset();
  go_on();
}

class Consumer {
 public:
  explicit Consumer(const Args& args);
  void run();

 private:
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* partitions, void* self);
  void woken();

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::uint16_t port_;
  KafkaWakeup wakeup_{io_, [this] { woken(); }};
  KafkaClient client_{};
  KafkaQueue events_{};
  std::map<std::int32_t, Partition> partitions_{};
};

Consumer::Consumer(const Args& args) : port_(static_cast<std::uint16_t>(args.whole("port", 0))) {
  rd_kafka_conf_t* settings = kafka_settings({{"bootstrap.servers", args.text("brokers")},
                                              {"group.id", args.text("group")},
                                              {"auto.offset.reset", "earliest"},
                                              {"enable.auto.offset.store", "false"}});
  log_in(settings, args);
  // No more than a moment's worth is fetched ahead, so that the measured time pays for what it posts. Only
  // with a version that can be told not to sleep for a second whenever enough is there.
  char error[256];
  if (rd_kafka_conf_set(settings, "fetch.queue.backoff.ms", "2", error, sizeof error) == RD_KAFKA_CONF_OK) {
    rd_kafka_conf_set(settings, "queued.min.messages", "2000", error, sizeof error);
  }
  rd_kafka_conf_set_opaque(settings, this);
  rd_kafka_conf_set_rebalance_cb(settings, on_rebalance);
  client_ = open_kafka(RD_KAFKA_CONSUMER, settings);
  rd_kafka_poll_set_consumer(client_.get());
  events_.reset(rd_kafka_queue_get_consumer(client_.get()));
  wakeup_.watch(events_.get());
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, args.text("topic").c_str(), RD_KAFKA_PARTITION_UA);
  const auto failure = rd_kafka_subscribe(client_.get(), topics);
  rd_kafka_topic_partition_list_destroy(topics);
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) kafka_failed("subscribe", rd_kafka_err2str(failure));
}

void Consumer::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                            rd_kafka_topic_partition_list_t* assigned, void* opaque) {
  auto& self = *static_cast<Consumer*>(opaque);
  if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(client, nullptr);
    return;
  }
  for (int at = 0; at < assigned->cnt; ++at) {
    const auto& partition = assigned->elems[at];
    KafkaQueue queue(rd_kafka_queue_get_partition(client, partition.topic, partition.partition));
    rd_kafka_queue_forward(queue.get(), nullptr);
    self.wakeup_.watch(queue.get());
    self.partitions_.try_emplace(partition.partition, self.io_, std::move(queue), self.port_);
  }
  rd_kafka_assign(client, assigned);
}

void Consumer::woken() {
  while (MessagePtr message{rd_kafka_consumer_poll(client_.get(), 0)}) {
    const auto found = partitions_.find(message->partition);
    if (found != partitions_.end()) {
      found->second.add(std::move(message));
    } else {
      std::fprintf(stderr, "consumer: %s\n", rd_kafka_message_errstr(message.get()));
    }
  }
  for (auto& [number, partition] : partitions_)
    partition.go_on();
}

void Consumer::run() {
  std::printf("ready\n");
  std::fflush(stdout);
  io_.run();
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Consumer(cleat::bench::Args(argc, argv)).run();
}
