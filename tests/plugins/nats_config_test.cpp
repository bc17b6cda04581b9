#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "names.hpp"
#include "nats_config.hpp"
#include "nkey.hpp"
#include "plugins/fake_table.hpp"

namespace cleat::nats {
namespace {

using testing::MapOf;
using testing::Pairs;

constexpr const char* kSeed = "SUAJIA3RQ6E7H636T6OKKQORPMNXSDMDQFTWT6UYLRYDWPUJLQPO3UFKQA";
constexpr const char* kKey = "UC53FZT4QSUAC4YOCPJ3PJX6RR6ZSMBEWIQXY73TYEHJDE5E4PY4LKDJ";

NatsConfig read(Pairs metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT) {
  bool has_url = false;
  for (const auto& [name, value] : metadata)
    has_url = has_url || name == "url";
  if (!has_url) metadata.emplace_back("url", "nats://one:4222");
  const MapOf map(metadata);
  const Pairs facts{{"app-id", "my.shop"}};
  const MapOf fact_map(facts);
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.directions = directions;
  raw.component = str("orders");
  raw.metadata = map.map();
  raw.facts = fact_map.map();
  return read_config(Config(raw));
}

std::string error(const Pairs& metadata) {
  try {
    read(metadata);
  } catch (const Error& thrown) {
    EXPECT_EQ(thrown.status, CLEAT_INVALID);
    return thrown.what();
  }
  return "(no error)";
}

TEST(NatsConfig, ReadsUrls) {
  EXPECT_EQ(read({{"url", "one, nats://two:5222 ,tls://three/,nats://[::1]:4223,[::1]"}}).server.urls,
            (std::vector<std::string>{"nats://one:4222", "nats://two:5222", "tls://three:4222",
                                      "nats://[::1]:4223", "nats://[::1]:4222"}));
  EXPECT_TRUE(read({{"url", "nats://a,tls://b"}}).server.tls);
  EXPECT_EQ(error({{"url", " , "}}), "url: is missing: name the server as nats://host:port");
  EXPECT_EQ(error({{"url", "ws://a:1"}}),
            "url: expected nats://host:port or tls://host:port, found the scheme 'ws'");
  EXPECT_NE(error({{"url", "nats://a:0"}}).find("found 'nats://a:0'"), std::string::npos);
  EXPECT_NE(error({{"url", "nats://a:4222x"}}).find("url: expected"), std::string::npos);
  EXPECT_NE(error({{"url", "nats://:4222"}}).find("url: expected"), std::string::npos);
}

TEST(NatsConfig, NeverRepeatsASecret) {
  for (const std::string& text :
       {error({{"url", "nats://alice:geheim@one:4222"}}), error({{"url", "nats://alice:geheim/x@one"}}),
        error({{"url", "nats://alice:gehe,geheim@one"}}), error({{"nkeySeed", "geheim"}}),
        error({{"credentials", "geheim"}}), error({{"password", "geheim"}}),
        error({{"token", "geheim"}, {"username", "a"}, {"password", "geheim"}}),
        error({{"clientKey", "geheim"}})}) {
    EXPECT_NE(text, "(no error)");
    EXPECT_EQ(text.find("geheim"), std::string::npos) << text;
  }
}

TEST(NatsConfig, TakesOneWayToLogIn) {
  EXPECT_EQ(read({{"nkeySeed", std::string(kSeed) + "\n"}}).server.nkey, kKey);
  EXPECT_EQ(error({{"token", "t"}, {"nkeySeed", kSeed}}),
            "username: expected one way to log in, found several: token, nkeySeed");
  EXPECT_EQ(error({{"username", "alice"}}),
            "password: is missing while username is set; give both or neither");
}

TEST(NatsConfig, TlsFollowsFromWhatIsGiven) {
  EXPECT_FALSE(read({}).server.tls);
  EXPECT_TRUE(read({{"tls", "true"}}).server.tls);
  EXPECT_NE(error({{"caCert", "no pem"}}).find("caCert: expected PEM text"), std::string::npos);
  EXPECT_NE(error({{"tls", "false"}, {"caCert", "x"}}).find("tls: is false while"), std::string::npos);
  EXPECT_NE(error({{"tls", "false"}, {"url", "tls://a"}}).find("tls: is false while"), std::string::npos);
}

TEST(NatsConfig, AStreamMeansJetStreamInBothDirections) {
  const NatsConfig config = read({{"stream", "ORDERS"}, {"subjects", "orders.*"}, {"durable", "billing"}});
  ASSERT_TRUE(config.consumer.has_value());
  EXPECT_EQ(config.consumer->stream, "ORDERS");
  EXPECT_EQ(config.consumer->filter, "orders.*");
  EXPECT_TRUE(config.confirms);
  EXPECT_TRUE(config.subjects.empty());
  EXPECT_FALSE(read({{"stream", "S"}, {"publishSubject", "a"}}, CLEAT_OUT).reads());
}

TEST(NatsConfig, WithoutJetStreamSubjectsAreReadAndAWarningSaysWhatItMeans) {
  const NatsConfig config = read({{"subjects", "a.*, b.>"}, {"queueGroup", "q"}});
  EXPECT_EQ(config.subjects, (std::vector<std::string>{"a.*", "b.>"}));
  EXPECT_FALSE(config.consumer.has_value());
  EXPECT_FALSE(config.confirms);
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_NE(config.warnings[0].find("at most once"), std::string::npos);
}

TEST(NatsConfig, JetStreamAloneIsAboutWhatIsWritten) {
  const NatsConfig config = read({{"jetstream", "true"}});
  EXPECT_TRUE(config.confirms);
  EXPECT_FALSE(config.reads());
  EXPECT_TRUE(read({{"publishStream", "S"}}).confirms);
}

TEST(NatsConfig, ADurableIsNamedAfterTheApplication) {
  const NatsConfig config = read({{"stream", "S"}});
  EXPECT_EQ(config.consumer->durable, "my_shop");
  EXPECT_NE(config.warnings[0].find("my_shop"), std::string::npos);
}

TEST(NatsConfig, RefusesWhatContradictsItself) {
  EXPECT_NE(error({{"stream", "S"}, {"jetstream", "false"}}).find("jetstream: is false"), std::string::npos);
  EXPECT_NE(error({{"durable", "d"}, {"subjects", "a"}}).find("durable: is a consumer of JetStream"),
            std::string::npos);
  EXPECT_NE(error({{"stream", "S"}, {"subjects", "a,b"}}).find("subjects: expected at most one"),
            std::string::npos);
  EXPECT_NE(error({{"stream", "S"}, {"queueGroup", "q"}}).find("queueGroup: is for reading without"),
            std::string::npos);
  EXPECT_NE(error({{"stream", "a.b"}}).find("stream: 'a.b' has a character"), std::string::npos);
  EXPECT_NE(error({{"publishSubject", "a.*"}}).find("publishSubject: 'a.*' has a wildcard"),
            std::string::npos);
  EXPECT_NE(error({{"publishStream", "S"}, {"jetstream", "false"}}).find("publishStream: is the stream"),
            std::string::npos);
}

TEST(NatsConfig, ReadsHowAConsumerIsMade) {
  const NatsConfig config = read({{"stream", "S"},
                                  {"durable", "d"},
                                  {"deliverPolicy", "startTime"},
                                  {"startTime", "2026-01-31T12:00:00.25+01:00"},
                                  {"ackWait", "5000000000"},
                                  {"maxDeliver", "7"},
                                  {"backOff", "1s, 2m"}});
  EXPECT_EQ(config.consumer->from, ConsumerConfig::From::time);
  EXPECT_EQ(config.consumer->start_time_ns, 1'769'857'200'250'000'000);
  EXPECT_EQ(config.consumer->ack_wait, std::chrono::seconds(5));
  EXPECT_EQ(config.consumer->max_deliver, 7);
  EXPECT_EQ(config.consumer->back_off,
            (std::vector<std::chrono::nanoseconds>{std::chrono::seconds(1), std::chrono::minutes(2)}));
  EXPECT_EQ(config.consumer->max_ack_pending, std::nullopt);
}

TEST(NatsConfig, RefusesHowNoConsumerCanBeMade) {
  const auto with = [](const std::string& name, const std::string& value) {
    return error({{"stream", "S"}, {"durable", "d"}, {name, value}});
  };
  EXPECT_NE(with("startSequence", "5").find("goes together with deliverPolicy"), std::string::npos);
  EXPECT_NE(with("deliverPolicy", "startSequence").find("goes together with deliverPolicy"),
            std::string::npos);
  EXPECT_NE(with("deliverPolicy", "startTime").find("goes together with deliverPolicy"), std::string::npos);
  EXPECT_NE(with("ackWait", "10").find("ackWait: expected at least 1s"), std::string::npos);
  EXPECT_NE(with("maxDeliver", "0").find("maxDeliver: expected -1"), std::string::npos);
  EXPECT_NE(with("backOff", "soon").find("backOff: expected durations"), std::string::npos);
  EXPECT_NE(error({{"stream", "S"}, {"durable", "d"}, {"backOff", "1s,2s"}, {"maxDeliver", "2"}})
                .find("maxDeliver: expected more"),
            std::string::npos);
}

TEST(NatsConfig, ReadsTimes) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("2000-02-29T23:59:59.123456789Z"), 951'868'799'123'456'789);
  EXPECT_EQ(parse_time("1970-01-01T02:00:00+02:00"), 0);
  for (const char* text :
       {"", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00",
        "1970-01-01T00:00:00.Z", "9999-01-01T00:00:00Z", "2026-01-31T12:00:00Zx", "-026-01-31T12:00:00Z"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

TEST(NatsNames, SubjectsThatWouldBreakTheProtocolAreRefused) {
  EXPECT_EQ(subject_fault("orders.new"), "");
  EXPECT_EQ(subject_fault("bücher"), "");
  EXPECT_EQ(subject_fault("a b"), "has a blank or control character at place 2");
  EXPECT_EQ(subject_fault("a\r\nPUB b"), "has a blank or control character at place 2");
  EXPECT_EQ(subject_fault(std::string("a\0b", 3)), "has a blank or control character at place 2");
  EXPECT_EQ(subject_fault(""), "is empty");
  for (const char* subject : {".a", "a.", "a..b"})
    EXPECT_EQ(subject_fault(subject), "has an empty part between its dots") << subject;
  EXPECT_NE(subject_fault("a.*"), "");
  EXPECT_NE(subject_fault(std::string(2'049, 'a')), "");
  EXPECT_EQ(subject_fault("a*b"), "");
  EXPECT_EQ(filter_fault("a.*.b.>"), "");
  EXPECT_NE(filter_fault("a.>.b"), "");
}

TEST(NatsNames, Headers) {
  EXPECT_EQ(header_name_fault("Nats-Msg-Id"), "");
  for (const char* name : {"", "a b", "a:b", "a\r", "\xc3\xbc"})
    EXPECT_NE(header_name_fault(name), "") << name;
  EXPECT_EQ(header_value_fault("M\xc3\xbcller: x"), "");
  EXPECT_EQ(header_value_fault(""), "");
  EXPECT_NE(header_value_fault("a\nb"), "");
  EXPECT_NE(header_value_fault(std::string("a\0", 2)), "");
}

TEST(NatsNkey, ThePublicKeyFollowsFromTheSeed) {
  EXPECT_EQ(public_nkey(kSeed), kKey);
  std::string wrong = kSeed;
  wrong[10] = wrong[10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(public_nkey(wrong), std::nullopt);
  EXPECT_EQ(public_nkey(kKey), std::nullopt);
  EXPECT_EQ(public_nkey(""), std::nullopt);
  EXPECT_EQ(public_nkey("su1"), std::nullopt);
}

TEST(NatsNkey, ReadsCredentials) {
  const std::string text =
      "-----BEGIN NATS USER JWT-----\r\neyJ0.abc.def\r\n------END NATS USER JWT------\n\n"
      "************* IMPORTANT *************\n"
      "-----BEGIN USER NKEY SEED-----\n" +
      std::string(kSeed) + "\n------END USER NKEY SEED------\n";
  const auto found = parse_credentials(text);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->jwt, "eyJ0.abc.def");
  EXPECT_EQ(found->seed, kSeed);
  EXPECT_FALSE(parse_credentials(text.substr(0, text.find("*"))).has_value());
  EXPECT_FALSE(parse_credentials(text.substr(text.find("*"))).has_value());
  EXPECT_FALSE(parse_credentials("").has_value());
  EXPECT_FALSE(parse_credentials("-----BEGIN NATS USER JWT-----").has_value());
}

}  // namespace
}  // namespace cleat::nats
