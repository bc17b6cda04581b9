#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "plugins/aws_environment.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/scripted_server.hpp"
#include "publication.hpp"
#include "sns_binding.hpp"

namespace cleat::sns {
namespace {

using namespace std::chrono_literals;
using testing::Completion;
using testing::MapOf;
using testing::Pairs;
using testing::ScriptedServer;

constexpr const char* kTopic = "arn:aws:sns:eu-west-1:123456789012:news";
const std::string kStart =
    "Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Anews";

/// The form of a call, or its error's text.
std::string form(const std::string& data, const Pairs& metadata = {},
                 const SnsConfig& config = {kTopic, {}}) {
  const MapOf map(metadata);
  cleat_request raw{};
  raw.struct_size = sizeof raw;
  raw.operation = str("create");
  raw.metadata = map.map();
  raw.data = data.data();
  raw.data_len = data.size();
  try {
    return publication_of(Request(raw), config).form;
  } catch (const Error& caught) {
    return caught.what();
  }
}

TEST(SnsPublication, HasWhatTheDataSays) {
  EXPECT_EQ(form(R"({"message":"a b&\u00e9","subject":"s"})"), kStart + "&Message=a+b%26%C3%A9&Subject=s");
  EXPECT_EQ(form(R"({"message":{"n": 12345678901234567890}})"),
            kStart + "&Message=%7B%22n%22%3A+12345678901234567890%7D");
  EXPECT_EQ(form(R"({"message":7,"subject":null})"), kStart + "&Message=7");
}

TEST(SnsPublication, IsRefusedWithoutAMessage) {
  for (const char* bad : {"", "text", "\"text\"", "[1]", "{}", R"({"message":null})", R"({"message":""})"})
    EXPECT_EQ(form(bad).rfind("data: expected", 0), 0U) << form(bad);
  EXPECT_EQ(
      form("{\"message\":\"" + std::string(262145, 'x') + "\"}").rfind("SNS takes messages of at most", 0),
      0U);
  EXPECT_NE(form(R"({"message":"\u0001"})").find("does not carry"), std::string::npos);
}

TEST(SnsPublication, CarriesMetadata) {
  EXPECT_EQ(
      form(R"({"message":"m"})",
           {{"kind", "new"}, {"dapr-api-token", "secret"}, {"messageStructure", "json"}}),
      kStart +
          "&Message=m&MessageStructure=json&MessageAttributes.entry.1.Name=kind&"
          "MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=new");
}

TEST(SnsPublication, OfAFifoTopicHasAGroup) {
  const SnsConfig fifo{std::string(kTopic) + ".fifo", {}};
  EXPECT_NE(form(R"({"message":"m"})", {}, fifo).find("a FIFO topic needs one"), std::string::npos);
  EXPECT_NE(form(R"({"message":"m"})", {{"messageGroupId", "g"}, {"messageDeduplicationId", "d"}}, fifo)
                .find("&MessageGroupId=g&MessageDeduplicationId=d"),
            std::string::npos);
}

class SnsTest : public ::testing::Test {
 protected:
  void run(std::string answer) {
    run([answer](const std::string&) { return answer; });
  }
  /// `how` gets the form.
  void run(std::function<std::string(const std::string&)> how) {
    server = std::make_unique<ScriptedServer>([how](ScriptedServer::Connection& connection) {
      for (std::string head = connection.read_until("\r\n\r\n"); !head.empty();
           head = connection.read_until("\r\n\r\n")) {
        const std::size_t at = head.find("Content-Length: ");
        const std::string asked = connection.read_bytes(std::stoul(head.substr(at + 16)));
        connection.note(head + asked);
        connection.write(how(asked));
      }
    });
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init({{"topicArn", kTopic},
                                               {"endpoint", server->url()},
                                               {"accessKey", "AKID"},
                                               {"secretKey", "planted-secret"},
                                               {"sessionToken", "planted-token"}},
                                              CLEAT_OUT);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  static std::string answer(const std::string& status, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  Completion publish(std::chrono::nanoseconds limit = 30s) {
    const Completion& call = driver.invoke("create", R"({"message":"m"})", {}, limit);
    EXPECT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
    return host.completion(call);
  }
  testing::CleanAwsEnvironment environment;
  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<SnsBinding>("bindings.aws.sns");
  testing::Driver driver{host, type};
};

TEST_F(SnsTest, PublishesSigned) {
  run(answer("200 OK",
             "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>"));
  const Completion done = publish();
  EXPECT_EQ(done.status, CLEAT_OK);
  EXPECT_EQ(done.header("MessageId"), "m-1");
  EXPECT_EQ(server->count("/eu-west-1/sns/aws4_request"), 1U);
  EXPECT_EQ(server->count("X-Amz-Security-Token: planted-token"), 1U);
}

TEST_F(SnsTest, SaysWhyItIsRefused) {
  run(answer("403 Forbidden",
             "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>not yours, "
             "planted-secret</Message></Error>"
             "<RequestId>id-1</RequestId></ErrorResponse>"));
  const Completion failed = publish();
  EXPECT_EQ(failed.status, CLEAT_DENIED);
  EXPECT_EQ(failed.text, "SNS Publish: AuthorizationError: not yours, *** (request id id-1)");
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(SnsTest, TakesNoSuccessFromSomebodyElse) {
  run(answer("200 OK", "<html>Please log in</html>"));
  const Completion failed = publish();
  EXPECT_EQ(failed.status, CLEAT_REMOTE);
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_NE(failed.text.find("no MessageId: the message may have been published"), std::string::npos)
      << failed.text;
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(SnsTest, CompletesACallByItsDeadline) {
  run("");
  const Completion failed = publish(3s);
  EXPECT_EQ(failed.status, CLEAT_TIMEOUT);
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_NE(failed.text.find("may have been carried out"), std::string::npos) << failed.text;
}

TEST_F(SnsTest, RefusesWhatIsNoTopic) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  for (const char* bad : {"news", "arn:aws:sqs:eu-west-1:123456789012:news"})
    EXPECT_EQ(driver.init({{"topicArn", bad}, {"region", "eu-west-1"}}, CLEAT_OUT).status, CLEAT_INVALID)
        << bad;
}

TEST_F(SnsTest, AnOutageThatACallFoundEndsWithoutACall) {
  const auto is_away = std::make_shared<std::atomic<bool>>(true);
  run([is_away](const std::string& asked) {
    if (*is_away) return answer("503 Service Unavailable", "");
    const bool is_look = asked.find("Action=GetTopicAttributes&") == 0;
    return answer("200 OK",
                  is_look
                      ? "<GetTopicAttributesResponse><GetTopicAttributesResult/></GetTopicAttributesResponse>"
                      : "");
  });
  EXPECT_EQ(publish().status, CLEAT_UNAVAILABLE);
  ASSERT_TRUE(host.wait_until([&] { return server->count("Action=GetTopicAttributes&") >= 1; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  *is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  EXPECT_EQ(server->count("Action=Publish&"), 1U);
  EXPECT_EQ(driver.ping().status, CLEAT_OK);
}

}  // namespace
}  // namespace cleat::sns
