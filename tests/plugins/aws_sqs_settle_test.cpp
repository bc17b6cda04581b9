#include <vector>

#include "batch.hpp"
#include "lease.hpp"
#include "plugins/aws_sqs_fixture.hpp"
#include "receiver.hpp"

/// What becomes of the messages that are out: deletions, renewals, what is given back.
namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

// A lease that ends in the middle of a test, and one that must not: it is renewed at half of its time, which is longer
// than a busy machine stands still.
constexpr const char* kOneSecond = "1000000000";
constexpr const char* kFourSeconds = "4000000000";

class SqsSettling : public SqsTest {
 protected:
  /// Delivers these and no others, as many at a time as `window` says.
  void read(std::initializer_list<std::string> all, testing::Pairs fields = {},
            const Window& window = {64, 0, 0}) {
    next("ReceiveMessage", messages(all));
    run(std::move(fields), CLEAT_IN);
    ASSERT_EQ(driver.begin_input(window).status, CLEAT_OK);
  }
  [[nodiscard]] std::uint64_t id(std::size_t index) const { return host.delivered_at(index).id; }
  /// The bodies of what was delivered.
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> out;
    for (const testing::Delivered& each : host.delivered())
      out.push_back(each.data);
    return out;
  }
  void pass(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    host.wait_until([&] { return std::chrono::steady_clock::now() > until; });
  }
  bool logged_with(std::string_view part, std::string_view value) {
    return host.wait_until([&] {
      for (const testing::LogLine& line : host.log()) {
        if (line.message.find(part) == std::string::npos) continue;
        for (const auto& [key, text] : line.fields) {
          if (text == value) return true;
        }
      }
      return false;
    });
  }
};

TEST_F(SqsSettling, ANotRenewedMessageIsNotDeliveredAndNothingOvertakesIt) {
  always("ChangeMessageVisibilityBatch", [](const Asked& asked) {
    const std::string a2 = id_of(asked, "receipt-a2");
    return a2.empty() ? confirmed(asked) : failed(asked, a2, "ReceiptHandleIsInvalid", true);
  });
  read({message("a1", "a"), message("a2", "a"), message("a3", "a")},
       {{"queueName", "q.fifo"}, {"visibilityTimeout", kFourSeconds}}, {64, 0, 1});
  ASSERT_TRUE(delivered(1));
  ASSERT_TRUE(asked("receipt-a2"));
  driver.settle(id(0));
  EXPECT_TRUE(asked(R"("receipt-a3","VisibilityTimeout":0)"));
  next("ReceiveMessage", messages({message("a2-again", "a")}));
  ASSERT_TRUE(delivered(2));
  EXPECT_EQ(bodies(), (std::vector<std::string>{"a1", "a2-again"}));
}

TEST_F(SqsSettling, AMessageThatCameLateInAShortLeaseIsRenewed) {
  always("ReceiveMessage", [this](const Asked&) {
    if (++counted != 1) return Said{};
    server.wait_for("release", 1);
    return messages({message("a")});
  });
  run({{"visibilityTimeout", kFourSeconds}}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  pass(4500ms);
  server.note("release");
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(asked(R"("receipt-a","VisibilityTimeout":4)", 2));
  EXPECT_TRUE(host.withdrawn().empty());
}

TEST_F(SqsSettling, ADeletionIsRepeatedThoughTheLeaseIsLost) {
  always("ChangeMessageVisibilityBatch",
         [](const Asked& asked) { return failed(asked, "0", "ReceiptHandleIsInvalid", true); });
  always("DeleteMessageBatch",
         [](const Asked&) { return refused("InternalFailure", "x", "500 Internal Server Error"); });
  read({message("a")}, {{"visibilityTimeout", kOneSecond}});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  ASSERT_TRUE(asked("receipt-a\",\"VisibilityTimeout"));
  const std::size_t before = server.count("DeleteMessageBatch");
  ASSERT_TRUE(asked("DeleteMessageBatch", before + 2));
  always("DeleteMessageBatch", [this](const Asked& asked) {
    server.note("confirmed " + asked.body);
    return confirmed(asked);
  });
  EXPECT_TRUE(asked("confirmed"));
  EXPECT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_FALSE(host.logged("come again"));
}

TEST_F(SqsSettling, ADeletionThatIsRefusedNamesItsMessage) {
  next("DeleteMessageBatch",
       {R"({"Failed":[{"Id":"0","Code":"ReceiptHandleIsInvalid","Message":"expired","SenderFault":true}]})"});
  read({message("a")});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  EXPECT_TRUE(logged_with("it will come again", "id-a"));
  EXPECT_EQ(server.count("DeleteMessageBatch"), 1U);
}

TEST_F(SqsSettling, ADeletionThatIsThrottledIsRepeated) {
  next("DeleteMessageBatch",
       {R"({"Failed":[{"Id":"0","Code":"RequestThrottled","Message":"slow","SenderFault":true}]})"});
  read({message("a")});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  EXPECT_TRUE(asked("DeleteMessageBatch", 2));
}

TEST_F(SqsSettling, ADeletionOfWhichNothingIsSaidIsRepeated) {
  next("DeleteMessageBatch", {R"({"Successful":[{"Id":"1"}]})"});
  next("DeleteMessageBatch", {"{}"});
  read({message("a"), message("b")}, {}, {1, 0, 0});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  EXPECT_TRUE(asked("DeleteMessageBatch", 3));
  EXPECT_EQ(server.count("receipt-a\"}"), 3U);
}

TEST_F(SqsSettling, ARenewalOfWhichNothingIsSaidIsNone) {
  always("ChangeMessageVisibilityBatch", [](const Asked&) { return Said{}; });
  read({message("a")}, {{"visibilityTimeout", kFourSeconds}});
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_GE(server.count("receipt-a\",\"VisibilityTimeout"), 2U) << "it is asked again before that";
  driver.abandon_withdrawn();
}

TEST_F(SqsSettling, ARenewalThatIsThrottledIsRepeated) {
  next("ChangeMessageVisibilityBatch",
       {R"({"Failed":[{"Id":"0","Code":"RequestThrottled","SenderFault":true}]})"});
  read({message("a")}, {{"visibilityTimeout", kFourSeconds}});
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(asked("ChangeMessageVisibilityBatch", 3));
  EXPECT_TRUE(host.withdrawn().empty());
}

TEST_F(SqsSettling, ARenewalThatFailedIsNotTheLastWordOnTheQueue) {
  const std::vector<Said> all{refused("InternalFailure", "x", "500 Internal Server Error"),
                              refused("AccessDenied", "x", "403 Forbidden"),
                              {"<html>Please log in</html>"}};
  for (const Said& said : all)
    next("ChangeMessageVisibilityBatch", said);
  read({message("a")}, {{"visibilityTimeout", kFourSeconds}});
  ASSERT_TRUE(delivered(1));
  // A machine that stands still may let the lease end before.
  ASSERT_TRUE(host.wait_until([&] {
    return server.count("ChangeMessageVisibilityBatch") >= all.size() || !host.withdrawn().empty();
  }));
  // From here on there is nothing to renew.
  host.withdrawn().empty() ? driver.settle(id(0)) : driver.abandon_withdrawn();
  ASSERT_TRUE(asked("ReceiveMessage", server.count("ReceiveMessage") + 2));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }))
      << host.health().second;
}

TEST_F(SqsSettling, ARenewalThatHangsIsAskedAgainBeforeTheLeaseEnds) {
  always("ChangeMessageVisibilityBatch", [this](const Asked& asked) {
    if (++counted == 1) server.wait_for("release", 1);
    return confirmed(asked);
  });
  read({message("a")}, {{"visibilityTimeout", "8000000000"}});
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(asked("receipt-a\",\"VisibilityTimeout", 2));
  EXPECT_TRUE(host.withdrawn().empty());
  server.note("release");
}

TEST_F(SqsSettling, ADelayWaitsForTheRenewalThatIsOnItsWay) {
  always("ChangeMessageVisibilityBatch", [this](const Asked& asked) {
    server.note("came " + asked.body);
    if (asked.body.find(R"("VisibilityTimeout":4)") != std::string::npos) server.wait_for("release", 1);
    return confirmed(asked);
  });
  read({message("a"), message("b"), message("c")}, {{"visibilityTimeout", kFourSeconds}});
  ASSERT_TRUE(delivered(3));
  ASSERT_TRUE(asked("came"));
  driver.settle(id(0), CLEAT_ABANDON);
  // What is asked for later is answered: the delay had its turn.
  for (const std::size_t later : {1U, 2U}) {
    driver.settle(id(later));
    ASSERT_TRUE(asked("DeleteMessageBatch", later));
  }
  EXPECT_EQ(server.count(R"("receipt-a","VisibilityTimeout":0)"), 0U) << "beside the renewal";
  server.note("release");
  EXPECT_TRUE(asked(R"("receipt-a","VisibilityTimeout":0)"));
}

/// The loop's own thread in the hands of a test, so that it can be late.
TEST_F(SqsSettling, AMessageWhoseTimeEndedBeforeItsTurnIsNotDelivered) {
  next("ReceiveMessage", messages({message("a"), message("b")}));
  SqsConfig config;
  config.queue.name = "q";
  config.queue.url = "http://queue/1/q";
  config.aws.region = "eu-west-1";
  config.aws.endpoint = server.url();
  config.aws.keys.access_key = config.aws.keys.secret_key = "key";
  config.visibility = 1s;
  config.wait = 0s;
  common::CurlLoop curl({});
  Queue queue(curl, config, [](std::int32_t, const std::string&) {});
  Receiver receiver(Host(host.table()), curl, queue, config);
  host.open({1, 0, 0});
  curl.start();
  curl.loop().post([&] { receiver.begin({2, 0, 0}); });
  ASSERT_TRUE(host.wait_until([&] { return host.deliver_calls() == 2; })) << "b has to wait";
  host.open({2, 0, 0});
  curl.loop().post([&] {
    pass(1100ms);
    receiver.set_window({2, 0, 0});
    server.note("window");
    receiver.end();
    receiver.close();
    queue.close();
  });
  ASSERT_TRUE(asked("window"));
  curl.stop();
  EXPECT_EQ(bodies(), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(host.logged("before there was room"));
}

TEST(SqsLease, IsRenewedFromHalfOfItsTimeOn) {
  const Lease::Clock::time_point start{100h};
  Lease lease{"r", "m", 0, start, start + 30s};
  EXPECT_EQ(lease.renewal(30s, start + 15s), 0s);
  EXPECT_EQ(lease.renewal(30s, start + 16s), 30s);
  EXPECT_EQ(lease.renewal(30s, start + 30s), 0s) << "it has ended";
  lease.is_renewing = true;
  EXPECT_EQ(lease.renewal(30s, start + 16s), 0s);
}

TEST(SqsLease, LastsForTwelveHoursInAll) {
  const Lease::Clock::time_point start{100h};
  Lease lease{"r", "m", 0, start, start + 11h + 50min};
  EXPECT_EQ(lease.renewal(1h, start + 11h + 30min), 29min + 55s) << "no more than is left";
  EXPECT_EQ(lease.allowed(1h, start + 11h + 30min), 29min + 55s);
  EXPECT_EQ(lease.allowed(1min, start + 11h + 30min), 1min);
  EXPECT_EQ(lease.allowed(1min, start + 13h), 0s);
  EXPECT_FALSE(lease.is_at_its_longest());
  lease.until = start + 12h - 5s;
  EXPECT_TRUE(lease.is_at_its_longest());
  EXPECT_EQ(lease.renewal(1h, start + 11h + 59min), 0s) << "SQS would refuse it";
  EXPECT_FALSE(lease.has_ended(start + 11h + 59min));
  EXPECT_TRUE(lease.has_ended(start + 12h));
}

TEST(SqsBatch, SaysOfEachEntryWhatBecameOfIt) {
  const common::JsonValue answer = common::parse_json(
      R"({"Successful":[{"Id":"0"},{"Id":"4"},{"Id":"99"},{"Id":"x"},{}],"Failed":[)"
      R"({"Id":"1","Code":"InvalidParameterValue","Message":"no","SenderFault":true},)"
      R"({"Id":"2","Code":"RequestThrottled","SenderFault":true},)"
      R"({"Id":"3","Code":"InternalError","SenderFault":false},{"Id":"4","Code":"X","SenderFault":"true"}]})");
  const std::vector<EntryAnswer> found = entries_of(answer, 6, "SQS Y");
  ASSERT_EQ(found.size(), 6U);
  EXPECT_NE(found[0].successful, nullptr);
  EXPECT_TRUE(found[1].is_refused);
  EXPECT_EQ(found[1].failure.text, "SQS Y: InvalidParameterValue: no");
  EXPECT_FALSE(found[1].failure.is_retryable);
  EXPECT_FALSE(found[2].is_refused);
  EXPECT_TRUE(found[2].failure.is_retryable);
  EXPECT_FALSE(found[3].is_refused);
  EXPECT_EQ(found[4].successful, nullptr) << "what is said twice is not believed";
  EXPECT_TRUE(found[4].is_refused);
  EXPECT_EQ(found[5].successful, nullptr);
  EXPECT_FALSE(found[5].is_refused);
  EXPECT_FALSE(found[5].failure.is_retryable);
}

}  // namespace
}  // namespace cleat::sqs
