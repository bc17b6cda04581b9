#include "mock_cluster.hpp"

#include <array>
#include <stdexcept>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace cleat::testing {

MockCluster::MockCluster(int brokers, const std::map<std::string, int>& topics) {
  std::array<char, 256> text{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  // Nothing to say on stderr about the clients that come and go.
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text.data(), text.size());
  if (handle_ == nullptr) throw std::runtime_error("the mock cluster's client: " + std::string(text.data()));
  cluster_ = rd_kafka_mock_cluster_new(handle_, brokers);
  if (cluster_ == nullptr) {
    rd_kafka_destroy(handle_);
    throw std::runtime_error("the mock cluster could not be made");
  }
#if RD_KAFKA_VERSION >= 0x02030000
  // Otherwise every group waits three seconds for further members.
  rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_, 0);
#endif
  for (const auto& [name, partitions] : topics)
    create_topic(name, partitions);
}

MockCluster::~MockCluster() {
  rd_kafka_mock_cluster_destroy(cluster_);
  rd_kafka_destroy(handle_);
}

std::string MockCluster::brokers() const {
  return rd_kafka_mock_cluster_bootstraps(cluster_);
}

void MockCluster::create_topic(const std::string& name, int partitions) {
  const rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error("topic " + name + ": " + rd_kafka_err2str(error));
}

void MockCluster::set_up(int broker, bool is_up) {
  if (is_up)
    rd_kafka_mock_broker_set_up(cluster_, broker);
  else
    rd_kafka_mock_broker_set_down(cluster_, broker);
}

}  // namespace cleat::testing
