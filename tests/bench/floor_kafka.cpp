// The bare client library, without HTTP: produce, consume; and what the bench needs beside that: create a
// topic, a mock cluster.
//   floor_kafka produce|consume|create|mock --brokers B --topic T --partitions N --count N --size N --rate N
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

#include "args.hpp"
#include "histogram.hpp"
#include "kafka_client.hpp"

#include <librdkafka/rdkafka_mock.h>  // only after rdkafka.h

namespace cleat::bench {
namespace {

double cpu_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

/// From construction to report(): what the numbers of a run are made of.
class Run {
 public:
  void report(int operations) const {
    const auto seconds = static_cast<double>(now_ns() - start_) / 1e9;
    std::printf(R"({"operations":%d,"seconds":%.6f,"cpu_us":%.3f})"
                "\n",
                operations, seconds, (cpu_us() - cpu_) / std::max(operations, 1));
  }

 private:
  std::uint64_t start_ = now_ns();
  double cpu_ = cpu_us();
};

void sleep_until(std::uint64_t ns) {
  const timespec until{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

/// `--count` records, spread over the partitions in turn. With --rate each carries the instant it was due
/// ({"t":ns,...}).
void produce(const Args& args) {
  const bool paced = args.number("rate", 0) > 0;
  rd_kafka_conf_t* settings = kafka_settings({{"bootstrap.servers", args.text("brokers")},
                                              {"linger.ms", paced ? "0" : "5"},
                                              {"queue.buffering.max.messages", "100000"},
                                              {"acks", "all"}});
  static int delivered, failed;
  rd_kafka_conf_set_dr_msg_cb(settings, [](rd_kafka_t*, const rd_kafka_message_t* report, void*) {
    ++(report->err == RD_KAFKA_RESP_ERR_NO_ERROR ? delivered : failed);
  });
  const auto client = open_kafka(RD_KAFKA_PRODUCER, settings);
  const KafkaTopic topic(rd_kafka_topic_new(client.get(), args.text("topic").c_str(), nullptr));
  const int count = args.whole("count", 1000), partitions = args.whole("partitions", 1);
  std::string record(static_cast<std::size_t>(args.whole("size", 1024)), 'x');
  const auto period = paced ? static_cast<std::uint64_t>(1e9 / args.number("rate", 1)) : 0;
  const Run run;
  auto due = now_ns();
  for (int at = 0; at < count; ++at) {
    if (paced) {
      sleep_until(due += period);
      const auto stamp = R"({"t":)" + std::to_string(due) + ",";
      record.replace(0, stamp.size(), stamp);
    }
    while (rd_kafka_produce(topic.get(), at % partitions, RD_KAFKA_MSG_F_COPY, record.data(), record.size(),
                            nullptr, 0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        kafka_failed("produce", rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(client.get(), 10);
    }
    if (paced || at % 256 == 0) rd_kafka_poll(client.get(), 0);
  }
  rd_kafka_flush(client.get(), 60'000);
  if (failed != 0 || delivered != count) kafka_failed("produce", "not every record was delivered");
  run.report(delivered);
}

void consume(const Args& args) {
  const auto client =
      open_kafka(RD_KAFKA_CONSUMER,
                 kafka_settings({{"bootstrap.servers", args.text("brokers")}, {"group.id", "unused"}}));
  const KafkaTopic topic(rd_kafka_topic_new(client.get(), args.text("topic").c_str(), nullptr));
  const KafkaQueue queue(rd_kafka_queue_new(client.get()));
  for (int at = 0; at < args.whole("partitions", 1); ++at) {
    rd_kafka_consume_start_queue(topic.get(), at, RD_KAFKA_OFFSET_BEGINNING, queue.get());
  }
  const int count = args.whole("count", 1000);
  const Run run;
  int seen = 0;
  rd_kafka_message_t* batch[256];
  while (seen < count) {
    const auto size = rd_kafka_consume_batch_queue(queue.get(), 10'000, batch, 256);
    if (size <= 0) kafka_failed("consume", "nothing came for ten seconds");
    for (std::ptrdiff_t at = 0; at < size; ++at) {
      seen += batch[at]->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
      rd_kafka_message_destroy(batch[at]);
    }
  }
  run.report(seen);
  std::fflush(stdout);
  _exit(0);  // a clean end waits for the broker's long poll
}

void create(const Args& args) {
  const auto client =
      open_kafka(RD_KAFKA_PRODUCER, kafka_settings({{"bootstrap.servers", args.text("brokers")}}));
  char error[256] = "";
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(args.text("topic").c_str(), args.whole("partitions", 1), 1, error, sizeof error);
  if (topic == nullptr) kafka_failed("create topic", error);
  const KafkaQueue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_CreateTopics(client.get(), &topic, 1, nullptr, queue.get());
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue.get(), 30'000);
  if (event == nullptr) kafka_failed("create topic", "no answer from the broker for 30 s");
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
    kafka_failed("create topic", rd_kafka_event_error_string(event));
  std::size_t count = 0;
  const auto* result = rd_kafka_event_CreateTopics_result(event);
  const rd_kafka_topic_result_t** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  if (count == 1 && rd_kafka_topic_result_error(topics[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    kafka_failed("create topic", rd_kafka_topic_result_error_string(topics[0]));
  }
  rd_kafka_event_destroy(event);
  rd_kafka_NewTopic_destroy(topic);
}

/// librdkafka's own mock cluster, with `--topics name:partitions,name:partitions`, until stdin ends. It keeps
/// 5 MB a partition.
void mock(const Args& args) {
  const auto client = open_kafka(RD_KAFKA_PRODUCER, kafka_settings({}));
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(client.get(), 1);
  std::string topics = args.text("topics");
  for (char* topic = std::strtok(topics.data(), ","); topic != nullptr; topic = std::strtok(nullptr, ",")) {
    char* colon = std::strchr(topic, ':');
    *colon = '\0';
    rd_kafka_mock_topic_create(cluster, topic, std::atoi(colon + 1), 1);
  }
  std::printf("listening on %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  std::fflush(stdout);
  char ignored[64];
  while (read(STDIN_FILENO, ignored, sizeof ignored) > 0) {
  }
  rd_kafka_mock_cluster_destroy(cluster);
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  const cleat::bench::Args args(argc, argv);
  const auto command = args.command();
  if (command == "produce")
    cleat::bench::produce(args);
  else if (command == "consume")
    cleat::bench::consume(args);
  else if (command == "create")
    cleat::bench::create(args);
  else if (command == "mock")
    cleat::bench::mock(args);
  else
    cleat::bench::kafka_failed("floor_kafka", "expected produce, consume, create or mock");
}
