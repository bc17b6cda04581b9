#pragma once

#include <librdkafka/rdkafka.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "args.hpp"

namespace cleat::bench {

struct KafkaClose {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using KafkaClient = std::unique_ptr<rd_kafka_t, KafkaClose>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, KafkaClose>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, KafkaClose>;

using KafkaSettings = std::initializer_list<std::pair<const char*, std::string>>;
/// A configuration that belongs to the caller until open_kafka() takes it. A refused setting ends the
/// program.
rd_kafka_conf_t* kafka_settings(KafkaSettings settings);
/// With --hub-connection, a connection string of Event Hubs, and --ca, a file: TLS, and the login that the service wants.
void log_in(rd_kafka_conf_t* settings, const Args& args);
KafkaClient open_kafka(rd_kafka_type_t type, rd_kafka_conf_t* settings);
[[noreturn]] void kafka_failed(const char* what, const char* why);

/// Lets librdkafka's queues wake an io_context through one descriptor, so that no thread of ours waits for
/// them.
class KafkaWakeup {
 public:
  KafkaWakeup(boost::asio::io_context& io, std::function<void()> woken);
  void watch(rd_kafka_queue_t* queue);

 private:
  void wait();

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> descriptor_;
  std::function<void()> woken_;
};

}  // namespace cleat::bench
