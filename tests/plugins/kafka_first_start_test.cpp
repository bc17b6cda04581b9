#include <map>
#include <mutex>
#include <optional>

#include "common/kafka/engine.hpp"
#include "kafka_fixture.hpp"

namespace cleat::kafka {
namespace {

/// A type that is nothing but the engine with the settings of the test that runs.
class Reader {
 public:
  explicit Reader(Host host) : engine_(host, *settings, CLEAT_IN) {}
  void start(Deadline /*deadline*/) {
    engine_.start(nullptr, [](const ReadRecord&, EventMetadata&, cleat_event&) {});
  }
  void begin_input(const Window& window) { engine_.begin_input(window); }
  void set_window(const Window& window) { engine_.set_window(window); }
  void settle(const Settlements& settlements) { engine_.settle(settlements); }
  void end_input(Deadline /*deadline*/) { engine_.end_input(); }
  void stop(Deadline deadline) { engine_.stop(deadline); }
  static inline const Settings* settings = nullptr;

 private:
  Engine engine_;
};

constexpr cleat_binding_type kReader = type<Reader>("test.reader");

/// Three records in each of the first two of four partitions, and a reader that asks the test where it begins.
class FirstStartTest : public KafkaTest {
 protected:
  struct Reading {
    explicit Reading(const Settings& settings) {
      Reader::settings = &settings;
      EXPECT_EQ(driver.create().status, CLEAT_OK);
      EXPECT_EQ(driver.start().status, CLEAT_OK);
      EXPECT_EQ(driver.begin_input().status, CLEAT_OK);
    }
    bool wait_for(std::size_t events) {
      return host.wait_until([&] { return host.delivered_count() >= events; });
    }
    bool is(std::int32_t health) {
      return host.wait_until([&] { return host.health().first == health; });
    }
    std::vector<std::string> values() const {
      std::vector<std::string> found;
      for (const Delivered& event : host.delivered())
        found.push_back(event.data);
      std::sort(found.begin(), found.end());
      return found;
    }
    FakeHost host{FakeHost::Clock::kSteady};
    Driver driver{host, kReader};
  };
  using Values = std::vector<std::string>;

  void SetUp() override {
    Component out(writer("four"));
    for (const char* partition : {"0", "1"}) {
      for (const char* value : {"a", "b", "c"})
        out.write_all({std::string(value) + partition}, {{"partitionNumber", partition}});
    }
    settings.brokers = {cluster.brokers()};
    settings.topics = {"four"};
    settings.group = settings.client_id = "first";
    settings.session_timeout = rd_kafka_version() >= 0x020b0000 ? 2s : 5s;
    settings.heartbeat = 100ms;
    settings.first_starts = [this](const std::vector<PartitionKey>& asked,
                                   std::chrono::steady_clock::time_point) {
      const std::lock_guard lock(mutex);
      times_asked += asked.size();
      return kept;
    };
  }
  void keep(std::int32_t partition, FirstStart start) {
    const std::lock_guard lock(mutex);
    kept[{"four", partition}] = std::move(start);
  }

  Settings settings;
  std::mutex mutex;
  std::map<PartitionKey, FirstStart> kept;
  std::size_t times_asked = 0;
};

TEST_F(FirstStartTest, ReadingBeginsWhereItSays) {
  settings.initial_offset = Settings::Start::oldest;
  keep(0, {2, ""});
  keep(1, {3, ""});  // the end: nothing is left
  Reading in(settings);
  ASSERT_TRUE(in.wait_for(1));
  ASSERT_TRUE(in.is(CLEAT_HEALTH_UP));
  EXPECT_EQ(in.values(), Values{"c0"});
}

TEST_F(FirstStartTest, WhatIsCommittedCountsMore) {
  settings.initial_offset = Settings::Start::oldest;
  {
    Reading in(settings);
    ASSERT_TRUE(in.wait_for(6));
  }
  EXPECT_EQ(times_asked, 4U);
  keep(0, {2, ""});
  keep(1, {2, ""});
  Reading in(settings);
  ASSERT_TRUE(in.wait_for(6)) << in.host.health().second;
  EXPECT_EQ(times_asked, 4U);
}

TEST_F(FirstStartTest, APartitionWaitsAloneWhileItsStartIsNotKnown) {
  settings.initial_offset = Settings::Start::oldest;
  keep(0, {std::nullopt, "the store is away"});
  keep(1, {1, ""});
  Reading in(settings);
  ASSERT_TRUE(in.wait_for(2));
  ASSERT_TRUE(in.is(CLEAT_HEALTH_DEGRADED));
  EXPECT_EQ(in.host.health().second,
            "four/0 is not read yet, it is not known where its reading begins: the store is away");
  EXPECT_EQ(in.values(), (Values{"b1", "c1"}));
  keep(0, {1, ""});
  ASSERT_TRUE(in.wait_for(4)) << in.host.health().second;
  EXPECT_EQ(in.values(), (Values{"b0", "b1", "c0", "c1"}));
  EXPECT_TRUE(in.is(CLEAT_HEALTH_UP));
}

TEST_F(FirstStartTest, AnOffsetThatIsGoneIsALostOne) {
  keep(0, {99, ""});
  Reading in(settings);
  ASSERT_TRUE(in.is(CLEAT_HEALTH_DOWN));
  EXPECT_EQ(in.host.health().second, "the offset 99 of four/0 is gone: the partition holds 0 to 3 now");
  EXPECT_EQ(in.host.delivered_count(), 0U);
}

TEST_F(FirstStartTest, ALostOneGoesOnWhereItIsTold) {
  settings.on_offset_lost = Settings::OffsetLost::oldest;
  keep(0, {99, ""});
  Reading in(settings);
  ASSERT_TRUE(in.wait_for(3)) << in.host.health().second;
  EXPECT_EQ(in.values(), (Values{"a0", "b0", "c0"}));
}

}  // namespace
}  // namespace cleat::kafka
