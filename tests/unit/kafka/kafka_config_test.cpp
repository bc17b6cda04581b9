#include "kafka_config.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "config_of.hpp"

namespace cleat::kafka {
namespace {

using std::chrono::milliseconds;

const std::string kPem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

std::string error_of(Pairs metadata, int client_version = kCurrentClient,
                     const std::string& app_id = "shop") {
  if (std::none_of(metadata.begin(), metadata.end(), [](const auto& one) { return one.first == "brokers"; }))
    metadata.emplace_back("brokers", "localhost");
  try {
    config_of(metadata, client_version, app_id);
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

bool warns(const KafkaConfig& config, const std::string& part) {
  return std::any_of(config.warnings.begin(), config.warnings.end(),
                     [&](const std::string& one) { return one.find(part) != std::string::npos; });
}

TEST(KafkaConfigTest, TheTimeOfACallIsTheHostsLimit) {
  const auto call_time = [](const std::string& fact) {
    return config_of({{"brokers", "a"}}, kCurrentClient, "shop", fact).call_time;
  };
  EXPECT_EQ(call_time("90000000000"), milliseconds(90'000));
  EXPECT_EQ(call_time("1"), milliseconds(1));
  EXPECT_EQ(call_time(""), milliseconds(30'000));
  EXPECT_EQ(call_time("soon"), milliseconds(30'000));
}

TEST(KafkaConfigTest, TheComponentOf2019) {
  const KafkaConfig config = config_of({{"brokers", "http://localhost:5050"},
                                        {"topics", "someTopic"},
                                        {"publishTopic", "someTopic2"},
                                        {"consumerGroup", "group1"}});
  EXPECT_EQ(config.brokers, std::vector<std::string>{"localhost:5050"});
  EXPECT_EQ(config.topics, std::vector<std::string>{"someTopic"});
  EXPECT_EQ(config.publish_topic, "someTopic2");
  EXPECT_EQ(config.group, "group1");
  EXPECT_EQ(config.security.protocol(), "plaintext");
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_TRUE(warns(config, "scheme"));
}

TEST(KafkaConfigTest, Defaults) {
  const KafkaConfig config = config_of({{"brokers", "a"}});
  EXPECT_EQ(config.initial_offset, KafkaConfig::Start::newest);
  EXPECT_EQ(config.on_offset_lost, KafkaConfig::OffsetLost::stop);
  EXPECT_EQ(config.acks, "all");
  EXPECT_EQ(config.compression, "none");
  EXPECT_EQ(config.retries, 5);
  EXPECT_EQ(config.max_in_flight, 2);
  EXPECT_EQ(config.linger.count(), 0);
  EXPECT_EQ(config.session_timeout, milliseconds(10'000));
  EXPECT_EQ(config.heartbeat, milliseconds(3'000));
  EXPECT_EQ(config.max_uncommitted, 10'000U);
  EXPECT_EQ(config.metadata_refresh, milliseconds(480'000));
  EXPECT_TRUE(config.warnings.empty());
}

TEST(KafkaConfigTest, BrokersAreTrimmedAndStripped) {
  const KafkaConfig config = config_of({{"brokers", " a:1 , kafka://b:2/ ,,PLAINTEXT://[::1]:3"}});
  EXPECT_EQ(config.brokers, (std::vector<std::string>{"a:1", "b:2", "[::1]:3"}));
}

struct Fault {
  Pairs metadata;
  std::string text;
};

TEST(KafkaConfigTest, Faults) {
  const Fault faults[] = {
      {{{"brokers", ""}}, "kafka error: missing 'brokers' attribute"},
      {{{"brokers", " , "}}, "kafka error: missing 'brokers' attribute"},
      {{{"brokers", "http://"}},
       "kafka error: invalid 'brokers': expected host:port, several of them separated by commas, found "
       "'http://'"},
      {{{"authType", "magic"}},
       "kafka error: invalid value for 'authType' attribute: found 'magic', expected none, password, mtls or "
       "certificate"},
      {{{"authRequired", "maybe"}}, "kafka error: invalid value for 'authRequired' attribute"},
      {{{"authType", "password"}, {"saslPassword", "p"}},
       "kafka error: missing SASL Username for authType 'password'"},
      {{{"authType", "password"}, {"saslUsername", "u"}},
       "kafka error: missing SASL Password for authType 'password'"},
      {{{"authType", "mtls"}, {"disableTls", "true"}},
       "kafka: cannot configure mTLS authentication when TLSDisable is 'true'"},
      {{{"authType", "mtls"}, {"caCert", "ca.pem"}},
       "kafka error: invalid ca certificate: 'caCert' must hold PEM text, from -----BEGIN to -----END, not a "
       "file "
       "name"},
      {{{"authType", "mtls"}, {"clientCert", "c"}},
       "kafka error: invalid client certificate: 'clientCert' must hold PEM text, from -----BEGIN to "
       "-----END, not a "
       "file name"},
      {{{"authType", "mtls"}, {"clientKey", "c"}},
       "kafka error: invalid client key: 'clientKey' must hold PEM text, from -----BEGIN to -----END, not a "
       "file "
       "name"},
      {{{"authType", "mtls"}, {"clientCert", kPem}},
       "kafka error: clientKey or clientCert is missing: give both or none of them"},
      {{{"authType", "certificate"}},
       "kafka error: missing CA certificate property 'caCert' for authType 'certificate'"},
      {{{"authType", "oidc"}},
       "kafka error: authType 'oidc' is not served yet: this plugin serves none, password, mtls and "
       "certificate"},
      {{{"authType", "oidc_private_key_jwt"}},
       "kafka error: authType 'oidc_private_key_jwt' is not served yet: this plugin serves none, password, "
       "mtls and "
       "certificate"},
      {{{"authType", "awsiam"}},
       "kafka error: authType 'awsiam' is not served yet: this plugin serves none, password, mtls and "
       "certificate"},
      {{{"schemaRegistryURL", "http://r"}},
       "kafka error: schemaRegistryURL: Avro and the schema registry are not served yet; leave this field "
       "out to send "
       "and receive the records' bytes as they are"},
      {{{"initialOffset", "middle"}}, "kafka error: invalid initialOffset: middle"},
      {{{"topics", "a,^orders.*"}},
       "kafka error: topics: expected names of topics, found '^orders.*': patterns are not offered"},
      {{{"onOffsetLost", "x"}},
       "kafka error: invalid onOffsetLost: expected stop, oldest or newest, found 'x'"},
      {{{"version", "two"}}, "kafka error: invalid kafka version: expected one like 2.0.0, found 'two'"},
      {{{"version", "2..0"}}, "kafka error: invalid kafka version: expected one like 2.0.0, found '2..0'"},
      {{{"compression", "zip"}}, "kafka error: invalid compression: zip"},
      {{{"producerRequiredAcks", "most"}},
       "kafka error: invalid value for 'producerRequiredAcks': \"most\" (must be \"all\", \"local\", or "
       "\"none\")"},
      {{{"producerRetryMax", "-1"}}, "kafka error: invalid value for 'producerRetryMax': -1 (must be >= 0)"},
      {{{"maxInFlightRequests", "0"}},
       "kafka error: invalid value for 'maxInFlightRequests': expected a number from 1 to 1000000, found 0"},
      {{{"heartbeatInterval", "10000000000"}},
       "kafka error: heartbeatInterval must be shorter than sessionTimeout, found 10000 ms and 10000 ms"},
      {{{"linger", "-1"}}, "kafka error: invalid value for 'linger': expected a duration from 0 to 15m"},
  };
  for (const Fault& fault : faults)
    EXPECT_EQ(error_of(fault.metadata), fault.text);
}

TEST(KafkaConfigTest, TopicsNeedAGroup) {
  EXPECT_EQ(error_of({{"topics", "t"}}, kCurrentClient, ""),
            "kafka error: missing 'consumerGroup' attribute: 'topics' are read as a member of a consumer "
            "group, so name "
            "one");
  EXPECT_EQ(error_of({}, kCurrentClient, ""), "(no error)") << "nothing is read";
  EXPECT_EQ(config_of({{"brokers", "a"}, {"topics", "t"}}).group, "shop");
  EXPECT_EQ(config_of({{"brokers", "a"}, {"topics", "t,u,t"}}).topics, (std::vector<std::string>{"t", "u"}));
  EXPECT_EQ(config_of({{"brokers", "a"}, {"topics", "t"}, {"consumerID", "id"}}).group, "id");
}

TEST(KafkaConfigTest, SecurityProtocols) {
  struct Row {
    Pairs metadata;
    std::string protocol, mechanism;
  };
  const Pairs login{{"authType", "password"}, {"saslUsername", "u"}, {"saslPassword", "p"}};
  const auto with = [](Pairs base, const Pairs& more) {
    base.insert(base.end(), more.begin(), more.end());
    return base;
  };
  const Row rows[] = {
      {{}, "plaintext", ""},
      {{{"authType", "none"}}, "plaintext", ""},
      {{{"authType", "NONE"}}, "plaintext", ""},
      {{{"authRequired", "false"}}, "plaintext", ""},
      {{{"authRequired", "true"}}, "ssl", ""},
      {{{"authRequired", "1"}, {"saslUsername", "u"}, {"saslPassword", "p"}}, "sasl_ssl", "PLAIN"},
      {login, "sasl_ssl", "PLAIN"},
      {with(login, {{"saslMechanism", "SHA-256"}}), "sasl_ssl", "SCRAM-SHA-256"},
      {with(login, {{"saslMechanism", "SHA-512"}, {"disableTls", "true"}}), "sasl_plaintext",
       "SCRAM-SHA-512"},
      {with(login, {{"saslMechanism", "PLAINTEXT"}}), "sasl_ssl", "PLAIN"},
      {{{"authType", "mtls"}, {"clientCert", kPem}, {"clientKey", kPem}}, "ssl", ""},
      {{{"authType", "certificate"}, {"caCert", kPem}}, "ssl", ""},
  };
  for (const Row& row : rows) {
    const Security security = config_of(with({{"brokers", "a"}}, row.metadata)).security;
    EXPECT_EQ(security.protocol(), row.protocol) << ::testing::PrintToString(row.metadata);
    EXPECT_EQ(security.mechanism, row.mechanism) << ::testing::PrintToString(row.metadata);
  }
}

TEST(KafkaConfigTest, ScramIsRefusedOnAnOldClient) {
  const Pairs scram{
      {"authType", "password"}, {"saslUsername", "u"}, {"saslPassword", "p"}, {"saslMechanism", "SHA-256"}};
  const std::string text = error_of(scram, kOldClient);
  EXPECT_NE(text.find("librdkafka 2.0.2"), std::string::npos) << text;
  EXPECT_NE(text.find("-Dlibrdkafka=bundled"), std::string::npos) << text;
  EXPECT_EQ(error_of(scram, kCurrentClient), "(no error)");
  EXPECT_EQ(error_of({{"authType", "password"}, {"saslUsername", "u"}, {"saslPassword", "p"}}, kOldClient),
            "(no error)");
}

TEST(KafkaConfigTest, NoErrorShowsASecret) {
  const Pairs rows[] = {
      {{"authType", "password"}, {"saslPassword", "hunter2"}},
      {{"authType", "mtls"}, {"clientKey", "hunter2"}},
      {{"authType", "oidc"}, {"oidcClientSecret", "hunter2"}},
  };
  for (const Pairs& metadata : rows)
    EXPECT_EQ(error_of(metadata).find("hunter2"), std::string::npos) << error_of(metadata);
}

TEST(KafkaConfigTest, WarningsInsteadOfSilence) {
  EXPECT_TRUE(warns(config_of({{"brokers", "a"}, {"consumerGroupRebalanceStrategy", "sticky"}}), "sticky"));
  EXPECT_TRUE(warns(config_of({{"brokers", "a"}, {"consumerGroupRebalanceStrategy", "odd"}}), "odd"));
  EXPECT_TRUE(
      warns(config_of({{"brokers", "a"}, {"authType", "mtls"}, {"skipVerify", "true"}}), "skipVerify"));
  EXPECT_TRUE(warns(config_of({{"brokers", "a"},
                               {"authType", "password"},
                               {"saslUsername", "u"},
                               {"saslPassword", "p"},
                               {"saslMechanism", "odd"}}),
                    "odd"));
}

TEST(KafkaConfigTest, TimesOfZeroAndLessMeanTheDefault) {
  const KafkaConfig config = config_of({{"brokers", "a"},
                                        {"dialTimeout", "0"},
                                        {"readTimeout", "-5"},
                                        {"clientConnectionTopicMetadataRefreshInterval", "0"}});
  EXPECT_EQ(config.dial_timeout, milliseconds(30'000));
  EXPECT_EQ(config.socket_timeout, milliseconds(30'000));
  EXPECT_EQ(config.metadata_refresh, milliseconds(480'000));
}

}  // namespace
}  // namespace cleat::kafka
