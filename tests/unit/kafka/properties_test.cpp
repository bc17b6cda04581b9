#include "common/kafka/properties.hpp"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <memory>

#include "config_of.hpp"

namespace cleat::kafka {
namespace {

std::string value_of(const Properties& properties, const std::string& name) {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const Property& one) { return one.name == name; });
  return found == properties.end() ? "(not set)" : found->value;
}

/// The library's own answer to every property.
std::string refusal(const Properties& properties) {
  const std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> conf(rd_kafka_conf_new(),
                                                                          rd_kafka_conf_destroy);
  std::array<char, 512> text{};
  for (const Property& one : properties) {
    const auto result =
        rd_kafka_conf_set(conf.get(), one.name.c_str(), one.value.c_str(), text.data(), text.size());
    if (result != RD_KAFKA_CONF_OK && !(result == RD_KAFKA_CONF_UNKNOWN && one.optional)) return text.data();
  }
  return {};
}

TEST(PropertiesTest, TheLibraryTakesThemAll) {
  const KafkaConfig config = config_of({{"brokers", "a,b"},
                                        {"topics", "t"},
                                        {"publishTopic", "t"},
                                        {"authType", "password"},
                                        {"saslUsername", "u"},
                                        {"saslPassword", "p"},
                                        {"skipVerify", "true"},
                                        {"compression", "zstd"}});
  EXPECT_EQ(refusal(consumer_properties(config, rd_kafka_version())), "");
  EXPECT_EQ(refusal(producer_properties(config)), "");
}

TEST(PropertiesTest, AConsumerNeverCommitsByItself) {
  const Properties properties =
      consumer_properties(config_of({{"brokers", "a"}, {"topics", "t"}}), kCurrentClient);
  EXPECT_EQ(value_of(properties, "enable.auto.commit"), "false");
  EXPECT_EQ(value_of(properties, "enable.auto.offset.store"), "false");
  EXPECT_EQ(value_of(properties, "auto.offset.reset"), "error");
  EXPECT_EQ(value_of(properties, "group.id"), "shop");
}

TEST(PropertiesTest, ARecordIsNotSentAgainOnceItsCallIsOver) {
  KafkaConfig config = config_of({{"brokers", "a"}, {"publishTopic", "t"}});
  EXPECT_EQ(value_of(producer_properties(config), "message.timeout.ms"), "30000");
  config.call_time = std::chrono::seconds(90);
  EXPECT_EQ(value_of(producer_properties(config), "message.timeout.ms"), "90000");
  config.call_time = std::chrono::milliseconds(200);
  config.linger = std::chrono::seconds(1);
  EXPECT_EQ(value_of(producer_properties(config), "message.timeout.ms"), "1001")
      << "the library refuses less";
}

TEST(PropertiesTest, PrefetchIsBoundedByTheField) {
  const KafkaConfig config = config_of({{"brokers", "a"}, {"topics", "t"}, {"channelBufferSize", "77"}});
  EXPECT_EQ(value_of(consumer_properties(config, kCurrentClient), "queued.min.messages"), "77");
  EXPECT_EQ(value_of(consumer_properties(config, kOldClient), "queued.min.messages"), "10000");
}

TEST(PropertiesTest, AProducerSendsAtOnceWithTwoRequestsInFlight) {
  const Properties properties = producer_properties(config_of({{"brokers", "a"}}));
  EXPECT_EQ(value_of(properties, "linger.ms"), "0.000000");
  EXPECT_EQ(value_of(properties, "max.in.flight.requests.per.connection"), "2");
  EXPECT_EQ(value_of(properties, "acks"), "-1");
  EXPECT_EQ(value_of(properties, "partitioner"), "fnv1a_random");
  const Properties other = producer_properties(config_of({{"brokers", "a"},
                                                          {"linger", "1500000"},
                                                          {"maxInFlightRequests", "5"},
                                                          {"producerRequiredAcks", "local"}}));
  EXPECT_EQ(value_of(other, "linger.ms"), "1.500000");
  EXPECT_EQ(value_of(other, "max.in.flight.requests.per.connection"), "5");
  EXPECT_EQ(value_of(other, "acks"), "1");
}

TEST(PropertiesTest, WithoutVerificationTheNameIsNotCheckedEither) {
  const Properties properties =
      producer_properties(config_of({{"brokers", "a"}, {"authType", "mtls"}, {"skipVerify", "true"}}));
  EXPECT_EQ(value_of(properties, "enable.ssl.certificate.verification"), "false");
  EXPECT_EQ(value_of(properties, "ssl.endpoint.identification.algorithm"), "none");
}

}  // namespace
}  // namespace cleat::kafka
