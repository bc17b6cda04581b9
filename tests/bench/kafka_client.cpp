#include "kafka_client.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace cleat::bench {
namespace {

void put(rd_kafka_conf_t* made, KafkaSettings settings) {
  char error[256];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(made, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
      kafka_failed(name, error);
  }
}

}  // namespace

void kafka_failed(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

rd_kafka_conf_t* kafka_settings(KafkaSettings settings) {
  rd_kafka_conf_t* made = rd_kafka_conf_new();
  put(made, settings);
  return made;
}

void log_in(rd_kafka_conf_t* settings, const Args& args) {
  const std::string connection = args.text("hub-connection");
  if (connection.empty()) return;
  put(settings, {{"security.protocol", "sasl_ssl"},
                 {"ssl.ca.location", args.text("ca")},
                 {"sasl.mechanism", "PLAIN"},
                 {"sasl.username", "$ConnectionString"},
                 {"sasl.password", connection}});
}

KafkaClient open_kafka(rd_kafka_type_t type, rd_kafka_conf_t* settings) {
  char error[256];
  KafkaClient client(rd_kafka_new(type, settings, error, sizeof error));
  if (!client) kafka_failed("cannot make a Kafka client", error);
  return client;
}

KafkaWakeup::KafkaWakeup(boost::asio::io_context& io, std::function<void()> woken)
    : descriptor_(io, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), woken_(std::move(woken)) {
  wait();
}

void KafkaWakeup::watch(rd_kafka_queue_t* queue) {
  const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue, descriptor_.native_handle(), &one, sizeof one);
}

void KafkaWakeup::wait() {
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [this](boost::system::error_code failure) {
                           if (failure) return;
                           std::uint64_t wakes = 0;
                           if (read(descriptor_.native_handle(), &wakes, sizeof wakes) == sizeof wakes)
                             woken_();
                           wait();
                         });
}

}  // namespace cleat::bench
