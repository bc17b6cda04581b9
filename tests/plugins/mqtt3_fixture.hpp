#pragma once

#include <gtest/gtest.h>

#include <string>

#include "mqtt_binding.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/mqtt3_broker.hpp"
#include "plugins/mqtt3_bytes.hpp"

namespace cleat::mqtt {

/// The plugin between a fake host and a broker whose every word the test says.
class Mqtt3Test : public ::testing::TestWithParam<Version> {
 protected:
  using FakeHost = cleat::testing::FakeHost;
  using Driver = cleat::testing::Driver;
  using Pairs = cleat::testing::Pairs;

  static Version version() { return GetParam(); }

  void start(Pairs more, std::uint32_t directions) {
    Pairs fields{{"url", broker_.url()},
                 {"topic", "t"},
                 {"consumerID", "me"},
                 {"protocolVersion", version() == Version::v5 ? "5" : "3.1.1"}};
    fields.insert(fields.begin(), more.begin(), more.end());
    ASSERT_EQ(driver_.create().status, CLEAT_OK);
    const auto outcome = driver_.init(fields, directions);
    ASSERT_EQ(outcome.status, CLEAT_OK) << outcome.text;
    ASSERT_EQ(driver_.start().status, CLEAT_OK);
  }
  bool waits_for_health(std::int32_t state) {
    return host_.wait_until([&] { return host_.health().first == state; });
  }

  FakeHost host_{FakeHost::Clock::kSteady};
  cleat_binding_type type_ = cleat::type<MqttBinding>("bindings.mqtt3");
  as_broker::Broker broker_;
  Driver driver_{host_, type_};
};

inline std::string name_of_version(const ::testing::TestParamInfo<Version>& one) {
  return one.param == Version::v5 ? "v5" : "v3_1_1";
}

}  // namespace cleat::mqtt
