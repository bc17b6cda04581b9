#pragma once

#include <cstdint>
#include <map>
#include <string>

struct rd_kafka_s;
struct rd_kafka_mock_cluster_s;

namespace cleat::testing {

/// librdkafka's own stand-in for a Kafka cluster: speaks the protocol on ephemeral loopback ports, consumer
/// groups included. In memory; gone with the object.
class MockCluster {
 public:
  /// Throws std::runtime_error.
  explicit MockCluster(int brokers = 1, const std::map<std::string, int>& topics = {});
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;
  ~MockCluster();

  /// "127.0.0.1:PORT" of every broker, with commas.
  [[nodiscard]] std::string brokers() const;
  void create_topic(const std::string& name, int partitions);
  void set_up(int broker, bool is_up);
  [[nodiscard]] rd_kafka_mock_cluster_s* get() const { return cluster_; }

 private:
  rd_kafka_s* handle_ = nullptr;
  rd_kafka_mock_cluster_s* cluster_ = nullptr;
};

}  // namespace cleat::testing
