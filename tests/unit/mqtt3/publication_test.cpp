#include "publication.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config_of.hpp"

namespace cleat::mqtt {
namespace {

Publication published(const MqttConfig& config, const Pairs& metadata, const std::string& data = "x") {
  std::vector<cleat_kv> items;
  for (const auto& [key, value] : metadata)
    items.push_back({str(key), str(value)});
  cleat_request raw{};
  raw.struct_size = sizeof raw;
  raw.metadata = {items.data(), items.size()};
  raw.data = data.data();
  raw.data_len = data.size();
  return read_publication(Request(raw), config);
}

std::string fault_of_request(const MqttConfig& config, const Pairs& metadata) {
  try {
    published(config, metadata);
  } catch (const Error& error) {
    EXPECT_EQ(error.status, CLEAT_INVALID);
    return error.what();
  }
  return {};
}

TEST(MqttPublication, TheComponentsOwn) {
  const Publication one = published(config_of(with({{"retain", "true"}, {"qos", "0"}})), {});
  EXPECT_EQ(one.topic, "t");
  EXPECT_TRUE(one.retain);
  EXPECT_EQ(one.qos, 0U);
}

TEST(MqttPublication, TheRequestsOwn) {
  const Publication one =
      published(config_of(with({})), {{"Topic", "a/b"}, {"retain", "True"}, {"qos", "0"}});
  EXPECT_EQ(one.topic, "a/b");
  EXPECT_TRUE(one.retain);
  EXPECT_EQ(one.qos, 0U);
  EXPECT_TRUE(one.user.empty());
}

TEST(MqttPublication, AFilterIsNoTopicToPublishTo) {
  const MqttConfig config = config_of(with({{"topic", "a/#"}}));
  EXPECT_NE(fault_of_request(config, {}).find("in the component; name the topic in the request's metadata"),
            std::string::npos);
  EXPECT_EQ(published(config, {{"topic", "a/b"}}).topic, "a/b");
  EXPECT_EQ(fault_of_request(config, {{"topic", "a/+"}}).substr(0, 7), "topic: ");
}

TEST(MqttPublication, WhatIsRefused) {
  const MqttConfig config = config_of(with({{"protocolVersion", "5"}}));
  const auto refused = [&](const Pairs& metadata, const std::string& name) {
    const std::string fault = fault_of_request(config, metadata);
    EXPECT_EQ(fault.substr(0, name.size()), name) << fault;
  };
  refused({{"retain", "perhaps"}}, "retain: ");
  refused({{"qos", "2"}}, "qos: ");
  refused({{"contentType", "\xff"}}, "contentType: ");
  refused({{"responseTopic", "a/#"}}, "responseTopic: ");
  refused({{"correlationDataBase64", "%"}}, "correlationDataBase64: ");
  refused({{"ttlInSeconds", "soon"}}, "ttl value must be a valid integer");
  refused({{"mine", std::string("a\0b", 3)}}, "mine: ");
}

TEST(MqttPublication, PropertiesOfMqtt5) {
  const Pairs metadata{{"contentType", "text/plain"},
                       {"responseTopic", "re/ply"},
                       {"correlationData", "id-1"},
                       {"ttl", "1500ms"},
                       {"mine", "1"},
                       {"topic", "t2"}};
  const Publication one = published(config_of(with({{"protocolVersion", "5"}})), metadata);
  EXPECT_EQ(one.content_type, "text/plain");
  EXPECT_EQ(one.response_topic, "re/ply");
  EXPECT_EQ(one.correlation_data, "id-1");
  EXPECT_EQ(one.expiry_s, 2U);
  EXPECT_EQ(one.user, (Pairs{{"mine", "1"}}));
  EXPECT_EQ(published(config_of(with({{"protocolVersion", "5"}})), {{"correlationDataBase64", "AP8="}})
                .correlation_data,
            std::string("\0\xff", 2));
  const Publication older = published(config_of(with({})), metadata);
  EXPECT_TRUE(older.content_type.empty() && older.user.empty() && !older.expiry_s);
}

TEST(MqttPublication, PubacksThatSayNo) {
  EXPECT_FALSE(refusal_of(0x00, "t"));
  EXPECT_FALSE(refusal_of(0x10, "t")) << "no subscriber is no failure";
  EXPECT_EQ(refusal_of(0x87, "t")->status, CLEAT_DENIED);
  EXPECT_EQ(refusal_of(0x97, "t")->status, CLEAT_THROTTLED);
  EXPECT_EQ(refusal_of(0x97, "t")->flags, CLEAT_RETRYABLE);
  EXPECT_EQ(refusal_of(0x83, "t")->status, CLEAT_REMOTE);
  EXPECT_NE(refusal_of(0x87, "a/b")->text.find("'a/b': not authorized"), std::string::npos);
}

}  // namespace
}  // namespace cleat::mqtt
