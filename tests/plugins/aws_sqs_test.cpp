#include <malloc.h>

#include <ctime>

#include "plugins/aws_sqs_fixture.hpp"

extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace cleat::sqs {
namespace {

using namespace std::chrono_literals;

/// Bytes of the heap in use.
std::int64_t allocated() {
  if (__sanitizer_get_current_allocated_bytes != nullptr)
    return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

TEST_F(SqsTest, SendsABatchAndTellsEachCallWhatBecameOfIt) {
  next("SendMessageBatch",
       {R"({"Successful":[{"Id":"0","MessageId":"m-0","SequenceNumber":"5"}],"Failed":[)"
        R"({"Id":"1","Code":"InvalidMessageContents","Message":"bad","SenderFault":true},)"
        R"({"Id":"2","Code":"InternalError","SenderFault":false}]})"});
  run({}, CLEAT_OUT);
  const auto& good = driver.invoke("create", "a");
  const auto& bad = driver.invoke("create", "b");
  const auto& unlucky = driver.invoke("create", "c");
  const auto& unsaid = driver.invoke("create", "d");
  EXPECT_EQ(done(good).status, CLEAT_OK);
  EXPECT_EQ(done(good).header("MessageId"), "m-0");
  EXPECT_EQ(done(good).header("SequenceNumber"), "5");
  EXPECT_EQ(done(bad).status, CLEAT_INVALID);
  EXPECT_EQ(done(bad).text, "SQS SendMessageBatch: InvalidMessageContents: bad");
  EXPECT_FALSE(done(bad).is_retryable());
  EXPECT_TRUE(done(unlucky).is_retryable());
  EXPECT_EQ(done(unsaid).status, CLEAT_REMOTE);
  EXPECT_TRUE(asked("SendMessageBatch"));
}

TEST_F(SqsTest, NeverPutsMoreThanTenOrTooMuchIntoABatch) {
  run({}, CLEAT_OUT);
  std::vector<const testing::Completion*> calls;
  for (int i = 0; i < 25; ++i)
    calls.push_back(&driver.invoke("create", "x"));
  for (int i = 0; i < 3; ++i)
    calls.push_back(&driver.invoke("create", std::string(200'000, 'x')));
  for (const auto* call : calls)
    EXPECT_EQ(done(*call).status, CLEAT_OK);
  EXPECT_EQ(server.count(R"("Id":"10")"), 0U);
  EXPECT_TRUE(asked("SendMessageBatch", 5));
}

TEST_F(SqsTest, SaysThatItIsThrottled) {
  next("SendMessageBatch", refused("ThrottlingException", "Rate exceeded"));
  run({}, CLEAT_OUT);
  const auto failed = done(driver.invoke("create", "x"));
  EXPECT_EQ(failed.status, CLEAT_THROTTLED);
  EXPECT_TRUE(failed.is_retryable());
  EXPECT_EQ(failed.text, "SQS SendMessageBatch: ThrottlingException: Rate exceeded (request id id-7)");
}

TEST_F(SqsTest, TellsACallThatTheQueueIsNotThere) {
  always("GetQueueUrl",
         [](const Asked&) { return refused("QueueDoesNotExist", "The queue does not exist"); });
  run({}, CLEAT_OUT);
  const auto failed = done(driver.invoke("create", "x"));
  EXPECT_EQ(failed.status, CLEAT_NOT_FOUND);
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_NE(host.health().second.find("QueueDoesNotExist"), std::string::npos);
}

TEST_F(SqsTest, CompletesACallByItsDeadline) {
  server.note("hold");
  always("SendMessageBatch", [this](const Asked&) {
    server.wait_for("release", 1);
    return Said{};
  });
  run({}, CLEAT_OUT);
  const auto failed = done(driver.invoke("create", "x", {}, 2s));
  EXPECT_EQ(failed.status, CLEAT_TIMEOUT);
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_NE(failed.text.find("may be in the queue"), std::string::npos);
  server.note("release");
}

/// Nobody answers the handshake.
TEST_F(SqsTest, KnowsWhatWasNeverSent) {
  const std::string host_and_port = server.url().substr(std::string("http").size());
  run({{"queueName", "https" + host_and_port + "/1/q"}, {"endpoint", "https" + host_and_port}}, CLEAT_OUT);
  const auto failed = done(driver.invoke("create", "x", {}, 1s));
  EXPECT_EQ(failed.status, CLEAT_TIMEOUT);
  EXPECT_TRUE(failed.is_retryable());
  EXPECT_EQ(failed.text.find("may"), std::string::npos) << failed.text;
  const auto& cancelled = driver.invoke("create", "y", {}, 20s);
  host.wait_until([&] { return server.connections() == 2; });
  driver.cancel(2);
  EXPECT_FALSE(done(cancelled).is_retryable()) << "its request still may go out";
}

TEST_F(SqsTest, KeepsNothingOfCallsThatAreOver) {
  always("GetQueueUrl", [this](const Asked&) {
    server.wait_for("release", 1);
    return Said{};
  });
  run({}, CLEAT_OUT);
  constexpr std::size_t kCalls = 60, kBytes = 1U << 20U;
  const std::int64_t before = allocated();
  for (std::size_t i = 1; i <= kCalls; ++i) {
    const auto& call = driver.invoke("create", std::string(kBytes, 'x'));
    driver.cancel(i);
    EXPECT_EQ(done(call).status, CLEAT_CANCELLED);
  }
  // The driver has the data of its calls.
  EXPECT_LT(allocated() - before, static_cast<std::int64_t>(kCalls * kBytes * 5 / 4));
  server.note("release");
}

TEST_F(SqsTest, TellsNoSecret) {
  always("SendMessageBatch", [](const Asked&) {
    return refused("InvalidSignatureException", "no planted-secret The Canonical String planted-token",
                   "403 Forbidden");
  });
  run({}, CLEAT_OUT);
  const auto failed = done(driver.invoke("create", "x"));
  EXPECT_EQ(failed.status, CLEAT_UNAUTHENTICATED);
  EXPECT_EQ(failed.text.find("planted"), std::string::npos) << failed.text;
  EXPECT_EQ(host.health().second.find("planted"), std::string::npos);
  for (const auto& line : host.log())
    EXPECT_EQ(line.message.find("planted"), std::string::npos);
}

TEST_F(SqsTest, MendsAClockThatIsOff) {
  next("SendMessageBatch", {R"({"__type":"RequestExpired","message":"x"})", "403 Forbidden",
                            "Date: Sat, 28 Nov 2043 10:30:00 GMT\r\n"});
  always("SendMessageBatch", [](const Asked& asked) {
    return asked.head.find("X-Amz-Date: 20431128T10") != std::string::npos ? confirmed(asked)
                                                                           : refused("RequestExpired");
  });
  run({}, CLEAT_OUT);
  EXPECT_TRUE(done(driver.invoke("create", "x")).is_retryable());
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_OK);
}

TEST_F(SqsTest, DeliversAndDeletesWhatIsAcknowledged) {
  next("ReceiveMessage", messages({message("a"), message("b")}));
  always("ReceiveMessage", [this](const Asked&) {
    server.wait_for("release", 1);
    return Said{};
  });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(2));
  EXPECT_EQ(host.delivered_at(0).data, "a");
  EXPECT_EQ(host.delivered_at(0).source_id, "id-a");
  EXPECT_EQ(host.delivered_at(0).header("ApproximateReceiveCount"), "2");
  EXPECT_EQ(server.count("DeleteMessageBatch"), 0U);
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(asked("DeleteMessageBatch"));
  EXPECT_EQ(server.count("receipt-a"), 1U);
  EXPECT_EQ(server.count("receipt-b"), 0U);
  server.note("release");
}

TEST_F(SqsTest, ReadsAlsoWhereItMayNotLook) {
  always("GetQueueAttributes", [](const Asked&) { return refused("AccessDenied", "no", "403 Forbidden"); });
  next("ReceiveMessage", messages({message("a")}));
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(1));
  ASSERT_TRUE(asked("GetQueueAttributes"));
  ASSERT_TRUE(asked("ReceiveMessage", 2));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
  EXPECT_EQ(driver.ping().status, CLEAT_OK);
}

TEST_F(SqsTest, DeletesAgainWhatWasNotDeleted) {
  next("ReceiveMessage", messages({message("a"), message("b")}));
  next("DeleteMessageBatch", refused("InternalFailure", "x", "500 Internal Server Error"));
  next("DeleteMessageBatch",
       {R"({"Successful":[],"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false}]})"});
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(2));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(asked("DeleteMessageBatch", 3));
  EXPECT_EQ(server.count("receipt-a\""), 3U);
}

TEST_F(SqsTest, GivesBackWithTheDelayOrAtOnceOrNotAtAll) {
  next("ReceiveMessage", messages({message("a"), message("b"), message("c")}));
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(3));
  driver.settle(host.delivered_at(0).id, CLEAT_REQUEUE);
  driver.settle(host.delivered_at(1).id, CLEAT_ABANDON);
  driver.settle(host.delivered_at(2).id, CLEAT_REJECT);
  ASSERT_TRUE(asked("receipt-b"));
  EXPECT_TRUE(asked(R"("ReceiptHandle":"receipt-a","VisibilityTimeout":0)"));
  EXPECT_TRUE(asked(R"("ReceiptHandle":"receipt-b","VisibilityTimeout":0)"));
  EXPECT_TRUE(host.wait_until([&] { return host.logged("shows no redrive policy"); }));
  EXPECT_EQ(server.count("receipt-c"), 0U);
}

TEST_F(SqsTest, RenewsUntilItIsSettledAndWithdrawsWhatItCannotRenew) {
  next("ReceiveMessage", messages({message("a"), message("b")}));
  always("ChangeMessageVisibilityBatch", [](const Asked& asked) {
    const std::string b = id_of(asked, "receipt-b");
    return b.empty() ? confirmed(asked) : failed(asked, b, "ReceiptHandleIsInvalid", true);
  });
  run({{"visibilityTimeout", "4000000000"}}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(2));
  ASSERT_TRUE(asked(R"("ReceiptHandle":"receipt-a","VisibilityTimeout":4)", 2));
  EXPECT_EQ(host.withdrawn(), (std::vector<std::uint64_t>{host.delivered_at(1).id}));
  EXPECT_EQ(server.count("receipt-b"), 1U);
  driver.abandon_withdrawn();
  driver.settle(host.delivered_at(0).id);
  EXPECT_TRUE(asked("DeleteMessageBatch"));
}

TEST_F(SqsTest, WithdrawsWhatRanOutWhileTheQueueWasAway) {
  next("ReceiveMessage", messages({message("a")}));
  always("ChangeMessageVisibilityBatch",
         [](const Asked&) { return refused("InternalFailure", "x", "500 Internal Server Error"); });
  run({{"visibilityTimeout", "1000000000"}}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  driver.abandon_withdrawn();
}

TEST_F(SqsTest, KeepsTheGroupsOfAFifoQueueApart) {
  next("ReceiveMessage",
       messages({message("a1", "a"), message("b1", "b"), message("a2", "a"), message("a3", "a")}));
  run({{"queueName", "q.fifo"}}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input({64, 0, 2}).status, CLEAT_OK);
  ASSERT_TRUE(delivered(3));
  EXPECT_EQ(host.delivered_at(0).lane, host.delivered_at(2).lane);
  EXPECT_NE(host.delivered_at(0).lane, host.delivered_at(1).lane);
  EXPECT_EQ(host.delivered_at(2).data, "a2");
  EXPECT_EQ(host.delivered_at(0).key, "a");
  // Two of its lane are out: a3 waits, and goes back with them.
  driver.settle(host.delivered_at(0).id, CLEAT_REQUEUE);
  EXPECT_TRUE(asked("receipt-a1"));
  EXPECT_TRUE(asked("receipt-a3"));
  driver.settle(host.delivered_at(2).id, CLEAT_ABANDON);
  EXPECT_TRUE(asked("receipt-a2"));
  EXPECT_EQ(server.count("receipt-b1"), 0U);
}

TEST_F(SqsTest, RenewsWhatWaitsForItsLane) {
  next("ReceiveMessage", messages({message("a1", "a"), message("a2", "a")}));
  run({{"queueName", "q.fifo"}, {"visibilityTimeout", "4000000000"}}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input({64, 0, 1}).status, CLEAT_OK);
  ASSERT_TRUE(delivered(1));
  ASSERT_TRUE(asked(R"("ReceiptHandle":"receipt-a2","VisibilityTimeout":4)", 2));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(delivered(2));
  EXPECT_EQ(host.delivered_at(1).data, "a2");
}

TEST_F(SqsTest, AsksForNoMoreThanTheWindow) {
  next("ReceiveMessage", messages({message("a"), message("b"), message("c")}));
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input({3, 0, 0}).status, CLEAT_OK);
  ASSERT_TRUE(delivered(3));
  EXPECT_TRUE(asked(R"("MaxNumberOfMessages":3)"));
  next("ReceiveMessage", messages({message("d")}));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(delivered(4));
  EXPECT_TRUE(asked(R"("MaxNumberOfMessages":1)"));
}

TEST_F(SqsTest, BacksOffWhileReadingFails) {
  always("ReceiveMessage", [](const Asked&) { return refused("RequestThrottled"); });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(asked("ReceiveMessage", 2));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DEGRADED; }));
  // 100 ms at least, and twice as long each time.
  const auto until = std::chrono::steady_clock::now() + 500ms;
  host.wait_until([&] { return std::chrono::steady_clock::now() > until; });
  EXPECT_LE(server.count("ReceiveMessage"), 6U);
}

/// A failure that is known at once is waited after like any other one: the thread has other things to do.
TEST_F(SqsTest, BacksOffWhileThereAreNoKeys) {
  run({{"accessKey", ""}, {"secretKey", ""}, {"sessionToken", ""}}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DOWN; }));
  // The first waits for keys are twice as long as those for messages.
  const auto began = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  host.wait_until([&] { return std::chrono::steady_clock::now() > began + 2s; });
  EXPECT_LT(static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC, 0.5) << "CPU seconds";
}

TEST_F(SqsTest, AnOutageThatACallFoundEndsWithoutACall) {
  const auto is_away = std::make_shared<std::atomic<bool>>(true);
  const auto how = [is_away](const Asked&) {
    return *is_away ? refused("ServiceUnavailable", "no", "503 Service Unavailable") : Said{};
  };
  always("SendMessageBatch", how);
  always("GetQueueAttributes", how);
  run({}, CLEAT_OUT);
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_UNAVAILABLE);
  ASSERT_TRUE(asked("GetQueueAttributes"));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  *is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  EXPECT_EQ(server.count("SendMessageBatch"), 1U);
}

TEST_F(SqsTest, AQueueThatWasMissingIsSeenToBeBackOnlyByWhoMayLook) {
  const auto may_look = std::make_shared<std::atomic<bool>>(false);
  always("SendMessageBatch", [](const Asked&) { return refused("QueueDoesNotExist"); });
  always("GetQueueAttributes", [may_look](const Asked&) {
    return *may_look ? Said{} : refused("AccessDenied", "no", "403 Forbidden");
  });
  run({}, CLEAT_OUT);
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_NOT_FOUND);
  ASSERT_TRUE(asked("GetQueueAttributes", 2));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  *may_look = true;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

}  // namespace
}  // namespace cleat::sqs
