#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "mock_cluster.hpp"
#include "plugins/fake_host.hpp"

/// The whole plugin, through its table, against librdkafka's own cluster in memory.
namespace cleat::kafka {

using testing::Completion;
using testing::Delivered;
using testing::Driver;
using testing::FakeHost;
using testing::MockCluster;
using testing::Outcome;
using testing::Pairs;
using namespace std::chrono_literals;

/// One component in its own host.
struct Component {
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  /// What the plugin said, when a test failed.
  ~Component() {
    if (!::testing::Test::HasFailure()) return;
    for (const testing::LogLine& line : host.log()) {
      std::string fields;
      for (const auto& [key, value] : line.fields)
        fields.append(" ").append(key).append("=").append(value);
      std::printf("  %d %s%s\n", line.level, line.message.c_str(), fields.c_str());
    }
    std::printf("  health %d %s\n", host.health().first, host.health().second.c_str());
  }

  /// The cluster in memory begins a rebalance when a second less than `session` is over. An old one lets the
  /// first member wait for three seconds, which must be less than this.
  explicit Component(Pairs metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT,
                     std::chrono::nanoseconds session = rd_kafka_version() >= 0x020b0000 ? 2s : 5s) {
    metadata.emplace_back("heartbeatInterval", "100000000");
    metadata.emplace_back("sessionTimeout", std::to_string(session.count()));
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    const Outcome init = driver.init(metadata, directions);
    EXPECT_EQ(init.status, CLEAT_OK) << init.text;
    const Outcome start = driver.start();
    EXPECT_EQ(start.status, CLEAT_OK) << start.text;
  }
  /// Begins to read and waits until something is assigned.
  void read(const Window& window = {64, 0, 0}) {
    EXPECT_EQ(driver.begin_input(window).status, CLEAT_OK);
    EXPECT_TRUE(wait([&] { return host.health().second.find("partitions assigned") == 0; }))
        << host.health().second;
  }
  bool wait(const std::function<bool()>& done) { return host.wait_until(done); }
  bool wait_for(std::size_t events) {
    return wait([&] { return host.delivered_count() >= events; });
  }
  Completion write(const std::string& data, const Pairs& metadata = {},
                   std::chrono::nanoseconds limit = 20s) {
    const Completion& call = driver.invoke("create", data, metadata, limit);
    EXPECT_TRUE(wait([&] { return host.completion(call).done; }));
    return host.completion(call);
  }
  void write_all(const std::vector<std::string>& values, const Pairs& metadata = {}) {
    for (const std::string& value : values)
      EXPECT_EQ(write(value, metadata).status, CLEAT_OK);
  }
  std::vector<std::string> values() const {
    std::vector<std::string> values;
    for (const Delivered& event : host.delivered())
      values.push_back(event.data);
    return values;
  }
  std::uint64_t id_of(const std::string& value) const {
    for (const Delivered& event : host.delivered()) {
      if (event.data == value) return event.id;
    }
    ADD_FAILURE() << value << " was not delivered";
    return 0;
  }
  /// As at the end of the host: nothing new, what is out is abandoned, stop.
  void end() {
    driver.end_input();
    driver.settle_all(CLEAT_ABANDON);
    const Outcome stop = driver.stop();
    EXPECT_EQ(stop.status, CLEAT_OK) << stop.text;
  }

  FakeHost host{FakeHost::Clock::kSteady};
  Driver driver{host, *cleat_entry_v0(nullptr)->types[0]};
};

class KafkaTest : public ::testing::Test {
 protected:
  Pairs reader(const Pairs& more = {}) const {
    Pairs metadata{{"brokers", cluster.brokers()}, {"topics", "in"}, {"consumerGroup", "g"}};
    metadata.insert(metadata.end(), more.begin(), more.end());
    return metadata;
  }
  Pairs writer(const std::string& topic = "in") const {
    return {{"brokers", cluster.brokers()}, {"publishTopic", topic}};
  }
  MockCluster cluster{1, {{"in", 1}, {"four", 4}}};
};

inline const Pairs kOldest{{"initialOffset", "oldest"}};

}  // namespace cleat::kafka
