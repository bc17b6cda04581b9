#include "mqtt_config.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config_of.hpp"
#include "server_url.hpp"
#include "topic.hpp"

namespace cleat::mqtt {
namespace {

TEST(MqttConfigTest, DaprsDefaults) {
  const MqttConfig config = config_of(with({}));
  EXPECT_EQ(config.server.host, "broker");
  EXPECT_EQ(config.server.port, 1883);
  EXPECT_FALSE(config.server.tls);
  EXPECT_EQ(config.input_id(), "me-consumer");
  EXPECT_EQ(config.output_id(), "me-producer");
  EXPECT_EQ(config.qos, 1U);
  EXPECT_FALSE(config.retain);
  EXPECT_FALSE(config.clean_session);
  EXPECT_EQ(config.version, Version::v3_1_1);
  EXPECT_EQ(config.session_expiry_s, 604'800U);
  EXPECT_EQ(config.receive_maximum, 0);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(MqttConfigTest, DaprsWords) {
  EXPECT_EQ(fault_of({}).substr(0, 11), "missing url");
  EXPECT_EQ(fault_of({{"url", "tcp://b"}}).substr(0, 13), "missing topic");
  EXPECT_EQ(fault_of({{"url", "tcp://b"}, {"topic", "t"}}).substr(0, 18), "missing consumerID");
}

TEST(MqttConfigTest, ReadsWhatIsGiven) {
  const MqttConfig config = config_of(with({{"protocolVersion", "5"},
                                            {"qos", "0"},
                                            {"retain", "true"},
                                            {"cleanSession", "true"},
                                            {"sessionExpiry", "1500000000"},
                                            {"receiveMaximum", "500"},
                                            {"keepAlive", "60000000000"},
                                            {"maxPacketSize", "4096"},
                                            {"username", "alice"},
                                            {"password", "pass"}}));
  EXPECT_EQ(config.version, Version::v5);
  EXPECT_EQ(config.qos, 0U);
  EXPECT_TRUE(config.retain);
  EXPECT_TRUE(config.clean_session);
  EXPECT_EQ(config.session_expiry_s, 2U) << "a fraction counts as one more";
  EXPECT_EQ(config.receive_maximum, 500);
  EXPECT_EQ(config.keep_alive.count(), 60);
  EXPECT_EQ(config.max_packet, 4096U);
  EXPECT_EQ(config.server.user, "alice");
  EXPECT_EQ(config.server.password, "pass");
  EXPECT_EQ(config.warnings.size(), 2U) << "MQTT QoS 0, and no session";
}

TEST(MqttConfigTest, TheLargestPacketIsMqtts) {
  EXPECT_EQ(config_of(with({{"maxPacketSize", "268435456"}})).max_packet, 268'435'455U);
}

TEST(MqttConfigTest, QosOfDapr) {
  EXPECT_EQ(config_of(with({{"qos", "2"}})).qos, 1U);
  EXPECT_EQ(config_of(with({{"qos", "2"}})).warnings.size(), 1U);
  EXPECT_EQ(config_of(with({{"qos", "0"}}), CLEAT_IN | CLEAT_OUT, true).qos, 1U);
}

TEST(MqttConfigTest, NamesTheFieldAndNeverASecret) {
  const auto refused = [](const Pairs& pairs, const std::string& field) {
    const std::string fault = fault_of(with(pairs));
    EXPECT_EQ(fault.substr(0, field.size()), field) << fault;
    EXPECT_EQ(fault.find("hunter2"), std::string::npos) << fault;
  };
  refused({{"url", "tcp://alice:hunter2@"}}, "url: ");
  refused({{"url", "tcp://alice:hunter2@host:99999"}}, "url: ");
  refused({{"url", "http://alice:hunter2@host"}}, "url: ");
  refused({{"url", "ws://alice:hunter2@host"}}, "url: ");
  refused({{"url", "tcp://alice:hunter2%zz@host"}}, "url: ");
  refused({{"url", "tcp://alice:hunter2/x@host:1883"}}, "url: ");
  refused({{"url", "tcp://alice:1?hunter2@host"}}, "url: ");
  refused({{"password", "hunter2"}}, "username: ");
  refused({{"username", "alice"}, {"password", "hunter2\xff"}}, "username and password: ");
  refused({{"topic", "a/#/b"}}, "topic: ");
  refused({{"qos", "3"}}, "qos: ");
  refused({{"protocolVersion", "4"}}, "protocolVersion: ");
  refused({{"sessionExpiry", "0"}}, "sessionExpiry: ");
  refused({{"keepAlive", "0"}}, "keepAlive: ");
  refused({{"receiveMaximum", "65536"}}, "receiveMaximum: ");
  refused({{"maxPacketSize", "1"}}, "maxPacketSize: ");
  refused({{"caCert", "hunter2"}}, "caCert, clientCert and clientKey: ");
}

TEST(MqttServer, Urls) {
  EXPECT_EQ(read_server("localhost").name(), "localhost:1883");
  EXPECT_EQ(read_server("mqtt://h:1").name(), "h:1");
  EXPECT_EQ(read_server(" tcp://h/ ").name(), "h:1883");
  EXPECT_TRUE(read_server("SSL://h").tls);
  for (const char* scheme : {"ssl", "tls", "mqtts", "tcps"})
    EXPECT_EQ(read_server(std::string(scheme) + "://h").name(), "h:8883");
  const Server ipv6 = read_server("tcp://[::1]:1884");
  EXPECT_EQ(ipv6.host, "::1");
  EXPECT_EQ(ipv6.name(), "[::1]:1884");
  const Server login = read_server("tcp://al%40ice:p%3Aw@x@h:5");
  EXPECT_EQ(login.user, "al@ice");
  EXPECT_EQ(login.password, "p:w@x");
  EXPECT_EQ(login.name(), "h:5");
  EXPECT_FALSE(read_server("tcp://alice@h").password);
  EXPECT_THROW(read_server("tcp://[::1"), Error);
  EXPECT_THROW(read_server("tcp://h:"), Error);
  EXPECT_THROW(read_server("tcp://h:0"), Error);
  EXPECT_THROW(read_server("tcp://%4@h"), Error);
}

TEST(MqttTopic, Filters) {
  for (const char* good :
       {"a", "/", "a/b", "+", "#", "a/+/b", "a/#", "$SYS/#", "$share/g/a/#", "$share/g//", "ü"})
    EXPECT_EQ(filter_fault(good), "") << good;
  for (const char* bad : {"", "a+", "+a", "a#", "a/#/b", "##", "$share/", "$share/g", "$share/g/",
                          "$share//a", "$share/+/a", "\xff"})
    EXPECT_NE(filter_fault(bad), "") << bad;
  EXPECT_NE(filter_fault(std::string(65'536, 'a')), "");
}

TEST(MqttTopic, Names) {
  EXPECT_EQ(topic_fault("a/b"), "");
  for (const char* bad : {"", "a/+", "#", "\xff"})
    EXPECT_NE(topic_fault(bad), "") << bad;
}

}  // namespace
}  // namespace cleat::mqtt
