#include "eventhubs_config.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "connection_string.hpp"

namespace cleat::eventhubs {
namespace {

using namespace std::chrono_literals;
using Pairs = std::vector<std::pair<std::string, std::string>>;

const std::string kNamespace =
    "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=all;SharedAccessKey=cGxhbnRlZA==";

EventHubsConfig config_of(const Pairs& metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT,
                          const std::map<std::string, std::string>& variables = {}) {
  std::vector<cleat_kv> items;
  for (const auto& [key, value] : metadata)
    items.push_back({str(key), str(value)});
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.directions = directions;
  raw.metadata = {items.data(), items.size()};
  return read_config(Config(raw), [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string error_of(const Pairs& metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT) {
  try {
    config_of(metadata, directions);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

TEST(EventHubsConfigTest, TheConnectionStringIsThePassword) {
  const EventHubsConfig config =
      config_of({{"connectionString", " " + kNamespace + "\n"}, {"eventHub", "orders"}, {"consumerID", "g"}});
  EXPECT_EQ(config.brokers, std::vector<std::string>{"shop.servicebus.windows.net:9093"});
  EXPECT_EQ(config.security.protocol(), "sasl_ssl");
  EXPECT_EQ(config.security.mechanism, "PLAIN");
  EXPECT_EQ(config.security.user, "$ConnectionString");
  EXPECT_EQ(config.security.password, kNamespace);
  EXPECT_EQ(config.publish_topic, "orders");
  EXPECT_EQ(config.topics, std::vector<std::string>{"orders"});
  EXPECT_EQ(config.group, "g");
  EXPECT_FALSE(config.login);
}

TEST(EventHubsConfigTest, WhatTheServiceAsksOfClients) {
  const EventHubsConfig config = config_of({{"connectionString", kNamespace}, {"eventHub", "orders"}});
  EXPECT_EQ(config.metadata_max_age, 180s);
  EXPECT_EQ(config.idle_connections, 180s);
  EXPECT_EQ(config.request_timeout, 60s);
  EXPECT_EQ(config.session_timeout, 30s);
}

TEST(EventHubsConfigTest, TheEntityPathIsTheHub) {
  const std::string entity = kNamespace + ";EntityPath=orders";
  EXPECT_EQ(config_of({{"connectionString", entity}}).publish_topic, "orders");
  EXPECT_EQ(config_of({{"connectionString", entity}, {"eventHub", "orders"}}).publish_topic, "orders");
  EXPECT_EQ(
      error_of({{"connectionString", entity}, {"eventHub", "returns"}}),
      "eventHub is 'returns', but the EntityPath of connectionString is 'orders': leave eventHub out, or use "
      "a connection string of the namespace");
}

TEST(EventHubsConfigTest, TheEmulatorHasNoTls) {
  const EventHubsConfig config =
      config_of({{"connectionString",
                  "Endpoint=sb://localhost;SharedAccessKeyName=all;SharedAccessKey=k;"
                  "UseDevelopmentEmulator=true;"},
                 {"eventHub", "orders"}});
  EXPECT_EQ(config.security.protocol(), "sasl_plaintext");
  EXPECT_EQ(config.brokers, std::vector<std::string>{"localhost:9092"});
}

TEST(EventHubsConfigTest, AnIdentity) {
  const EventHubsConfig config = config_of({{"eventHubNamespace", "shop"},
                                            {"eventHub", "orders"},
                                            {"azureTenantId", "t"},
                                            {"azureClientId", "c"},
                                            {"azureClientSecret", "s"}});
  EXPECT_EQ(config.namespace_host, "shop.servicebus.windows.net");
  EXPECT_EQ(config.brokers, std::vector<std::string>{"shop.servicebus.windows.net:9093"});
  EXPECT_EQ(config.security.mechanism, "OAUTHBEARER");
  ASSERT_TRUE(config.login);
  EXPECT_EQ(config.login->identity, azure::Identity::client_secret);
  const EventHubsConfig china =
      config_of({{"eventHubNamespace", "shop.servicebus.chinacloudapi.cn"}, {"eventHub", "orders"}});
  EXPECT_EQ(china.namespace_host, "shop.servicebus.chinacloudapi.cn");
  EXPECT_EQ(china.login->identity, azure::Identity::managed_identity);
}

TEST(EventHubsConfigTest, AnEndpointStandsInForTheAddress) {
  const auto with = [](const char* endpoint) {
    return Pairs{{"connectionString", kNamespace}, {"eventHub", "h"}, {"endpoint", endpoint}};
  };
  EXPECT_EQ(config_of(with("localhost:1234")).brokers, std::vector<std::string>{"localhost:1234"});
  for (const char* wrong : {"localhost", "https://localhost:1234", "localhost:", ":1234", "a:1,b:2", "a:1x"})
    EXPECT_TRUE(begins_with(error_of(with(wrong)), "endpoint: expected host:port")) << wrong;
}

TEST(EventHubsConfigTest, WithoutAGroupNothingIsRead) {
  EXPECT_TRUE(config_of({{"connectionString", kNamespace}, {"eventHub", "h"}}).topics.empty());
  EXPECT_TRUE(
      config_of({{"connectionString", kNamespace}, {"eventHub", "h"}, {"consumerGroup", "g"}}, CLEAT_OUT)
          .topics.empty());
  EXPECT_TRUE(
      config_of({{"connectionString", kNamespace}, {"eventHub", "h"}, {"consumerGroup", "g"}}, CLEAT_IN)
          .publish_topic.empty());
}

TEST(EventHubsConfigTest, FaultsInDaprsWords) {
  EXPECT_EQ(error_of({}), "one of connectionString or eventHubNamespace is required");
  EXPECT_EQ(error_of({{"connectionString", kNamespace}, {"eventHubNamespace", "shop"}}),
            "only one of connectionString or eventHubNamespace should be passed");
  EXPECT_EQ(error_of({{"eventHubNamespace", "shop"}}),
            "property 'eventHub' is required when connecting with Azure AD");
  EXPECT_EQ(
      error_of({{"connectionString", kNamespace}}),
      "the provided connection string does not contain a value for 'EntityPath' and no 'eventHub' property "
      "was passed");
}

TEST(EventHubsConfigTest, EntityManagement) {
  Pairs fields{{"eventHubNamespace", "shop"}, {"eventHub", "h"}, {"enableEntityManagement", "true"}};
  EXPECT_EQ(error_of(fields), "property resourceGroupName is required for entity management");
  fields.emplace_back("resourceGroupName", "r");
  EXPECT_EQ(error_of(fields), "property subscriptionID is required for entity management");
  fields.emplace_back("subscriptionID", "s");
  EXPECT_TRUE(begins_with(error_of(fields), "enableEntityManagement is not served"));
  const EventHubsConfig config =
      config_of({{"connectionString", kNamespace}, {"eventHub", "h"}, {"enableEntityManagement", "true"}});
  EXPECT_EQ(config.warnings.size(), 1U);
}

Pairs with_storage(const Pairs& storage) {
  Pairs fields{{"connectionString", kNamespace}, {"eventHub", "Orders"}, {"consumerGroup", "Shop"}};
  fields.insert(fields.end(), storage.begin(), storage.end());
  return fields;
}

TEST(EventHubsConfigTest, CheckpointsAreInAStorageAccount) {
  EXPECT_FALSE(config_of(with_storage({})).checkpoints);
  const Pairs by_key{
      {"storageAccountName", "acct"}, {"storageAccountKey", "c2VjcmV0"}, {"storageContainerName", "box"}};
  const CheckpointPlace place = *config_of(with_storage(by_key)).checkpoints;
  EXPECT_EQ(place.account.url, "https://acct.blob.core.windows.net");
  EXPECT_EQ(place.account.key, "secret");
  EXPECT_EQ(place.container, "box");
  EXPECT_EQ(place.folder, "shop.servicebus.windows.net/orders/shop/checkpoint/");
  EXPECT_FALSE(config_of(with_storage(by_key), CLEAT_OUT).checkpoints);

  const Pairs by_identity{{"storageAccountName", "acct"},
                          {"storageContainerName", "box"},
                          {"storageEndpoint", "https://h:1"},
                          {"endpoint", "h:2"}};
  const CheckpointPlace other = *config_of(with_storage(by_identity)).checkpoints;
  EXPECT_EQ(other.account.url, "https://h:1/acct");
  EXPECT_TRUE(other.account.token);

  const std::string text = "AccountName=more;AccountKey=c2VjcmV0;EndpointSuffix=core.chinacloudapi.cn";
  const Pairs by_string{{"storageConnectionString", text}, {"storageContainerName", "box"}};
  EXPECT_EQ(config_of(with_storage(by_string)).checkpoints->account.url,
            "https://more.blob.core.chinacloudapi.cn");
  Pairs both = by_key;
  both.emplace_back("storageConnectionString", text);
  EXPECT_EQ(config_of(with_storage(both)).checkpoints->account.name, "more");
  EXPECT_EQ(config_of(with_storage(both)).warnings.size(), 1U);
}

TEST(EventHubsConfigTest, HalfAStorageAccountIsAFault) {
  EXPECT_TRUE(begins_with(error_of(with_storage({{"storageContainerName", "box"}})),
                          "property storageAccountName is required to subscribe to an Event Hub topic"));
  EXPECT_TRUE(begins_with(error_of(with_storage({{"storageAccountName", "acct"}})),
                          "property storageContainerName is required to subscribe to an Event Hub topic"));
  EXPECT_TRUE(begins_with(error_of(with_storage({{"storageConnectionString", "AccountName=a;AccountKey=?"},
                                                 {"storageContainerName", "box"}})),
                          "storageConnectionString: AccountKey: expected"));
}

TEST(EventHubsConfigTest, NoErrorShowsAKey) {
  const std::string key = "cGxhbnRlZA==";
  for (const std::string& text :
       {"SharedAccessKeyName=all;SharedAccessKey=" + key, "Endpoint=sb://a/;SharedAccessKey=" + key,
        "Endpoint=sb://a/;SharedAccessKeyName=all;" + key.substr(0, 10),
        std::string("Endpoint=sb://a/;SharedAccessKeyName=all;SharedAccessKey=")}) {
    const std::string error = error_of({{"connectionString", text}, {"eventHub", "h"}});
    EXPECT_TRUE(begins_with(error, "connectionString: ")) << error;
    EXPECT_EQ(error.find("cGxhbnRlZA"), std::string::npos);
  }
}

TEST(EventHubsConfigTest, TheHostOfAnEndpoint) {
  const auto host = [](const std::string& endpoint) {
    return parse_connection_string("Endpoint=" + endpoint + ";SharedAccessKeyName=n;SharedAccessKey=k").host;
  };
  EXPECT_EQ(host("sb://a.b/"), "a.b");
  EXPECT_EQ(host("sb://a.b:5671"), "a.b");
  EXPECT_EQ(host("a.b"), "a.b");
}

}  // namespace
}  // namespace cleat::eventhubs
