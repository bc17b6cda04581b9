#include "plugins/gcp_pubsub_fixture.hpp"

/// Calls on their way to topics, reading, and what is told of the service.
namespace cleat::pubsub {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTopic = "projects/p-1/topics/orders";

TEST_F(PubSubTest, SendsTogetherWhatComesTogetherAndTellsEachCallItsId) {
  always("publish", [this](const std::string& body) {
    if (body.find("\"Zmlyc3Q=\"") != std::string::npos) server.wait_for("release", 1);
    return body.find("Zmlyc3Q=") != std::string::npos ? Said{R"({"messageIds":["id-first"]})"}
                                                      : Said{R"({"messageIds":["id-a","id-b"]})"};
  });
  run({}, CLEAT_OUT);
  const auto& first = driver.invoke("create", "first");
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 1; }));
  const auto& a = driver.invoke("create", "a");
  const auto& b = driver.invoke("create", "b");
  const auto found = done(b);
  EXPECT_EQ(found.status, CLEAT_OK) << found.text;
  EXPECT_EQ(found.header("id"), "id-b");
  EXPECT_EQ(done(a).header("id"), "id-a");
  EXPECT_TRUE(did(R"(publish {"messages":[{"data":"YQ=="},{"data":"Yg=="}]})"));
  server.note("release");
  EXPECT_EQ(done(first).header("id"), "id-first");
  EXPECT_EQ(server.count("POST /v1/projects/p-1/topics/orders:publish HTTP"), 2U);
  EXPECT_EQ(server.count("Authorization"), 0U) << "an emulator is asked without a token";
}

TEST_F(PubSubTest, KeepsTopicsAndKeysApart) {
  run({{"orderingKey", "usual"}}, CLEAT_OUT);
  for (const char* key : {"k", "k", "l", ""})
    driver.invoke("create", "x", {{"orderingKey", key}});
  driver.invoke("create", "x");
  const auto& last = driver.invoke("create", "x", {{"topic", "other"}, {"orderingKey", "k"}});
  EXPECT_EQ(done(last).status, CLEAT_OK);
  ASSERT_TRUE(host.wait_until([&] { return server.count("did publish") >= 5; }));
  EXPECT_EQ(server.count(R"({"messages":[{"data":"eA=="}]})"), 2U) << "asked and answered: one without a key";
  for (const char* key : {"l", "usual"})
    EXPECT_EQ(server.count(R"(did publish {"messages":[{"data":"eA==","orderingKey":")" + std::string(key) +
                           "\"}]}"),
              1U);
  EXPECT_EQ(server.count("POST /v1/projects/p-1/topics/other:publish"), 1U);
}

TEST_F(PubSubTest, SendsWhatHasOneKeyOneRequestAtATime) {
  always("publish", [this](const std::string& body) {
    if (++counted == 1) server.wait_for("release", 1);
    return Said{body.find(',', body.find("data")) == std::string::npos ? "{}" : R"({"messageIds":["1"]})"};
  });
  run({{"orderingKey", "k"}, {"linger", "0"}}, CLEAT_OUT);
  const auto& first = driver.invoke("create", "1");
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 1; }));
  const auto& second = driver.invoke("create", "2");
  const auto& other = driver.invoke("create", "3", {{"orderingKey", "other"}});
  EXPECT_EQ(done(other).status, CLEAT_OK) << "it waits for nobody";
  EXPECT_FALSE(host.completion(second).done);
  server.note("release");
  EXPECT_EQ(done(first).status, CLEAT_OK);
  EXPECT_EQ(done(second).status, CLEAT_OK);
}

TEST_F(PubSubTest, NeverPutsMoreThanAThousandIntoARequest) {
  always("publish", [this](const std::string& body) {
    if (body.find("Zmlyc3Q=") != std::string::npos) server.wait_for("release", 1);
    std::size_t count = 0;
    for (std::size_t at = body.find("\"data\""); at != std::string::npos; at = body.find("\"data\"", at + 1))
      ++count;
    server.note("of " + std::to_string(count));
    std::string ids = "\"0\"";
    for (std::size_t i = 1; i < count; ++i)
      ids += ",\"0\"";
    return Said{R"({"messageIds":[)" + ids + "]}"};
  });
  run({{"orderingKey", "k"}}, CLEAT_OUT);
  driver.invoke("create", "first");
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 1; }));
  for (int i = 0; i < 1200; ++i)
    driver.invoke("create", "x");
  driver.invoke("create", std::string(1'200'000, 'y'));
  const auto& last = driver.invoke("create", "z");
  pass(50ms);
  server.note("release");
  EXPECT_EQ(done(last).status, CLEAT_OK);
  for (const char* each : {"of 1000", "of 200"})
    EXPECT_EQ(server.count(each), 1U) << each;
  EXPECT_EQ(server.count("of 1"), 4U) << "the first one, a thousand, the large one, the last one";
}

TEST_F(PubSubTest, AMessageThatIsRefusedTakesNoOtherWithIt) {
  always("publish", [this](const std::string& body) {
    if (body.find("Zmlyc3Q=") != std::string::npos) server.wait_for("release", 1);
    if (body.find("YmFk") != std::string::npos)
      return refused("400 Bad Request", "INVALID_ARGUMENT", "bad message");
    return Said{R"({"messageIds":["1"]})"};
  });
  run({{"orderingKey", "k"}}, CLEAT_OUT);
  driver.invoke("create", "first");
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 1; }));
  const auto& a = driver.invoke("create", "a");
  const auto& bad = driver.invoke("create", "bad");
  const auto& b = driver.invoke("create", "b");
  pass(50ms);
  server.note("release");
  EXPECT_EQ(done(b).status, CLEAT_OK);
  EXPECT_EQ(done(a).status, CLEAT_OK);
  const auto failed = done(bad);
  EXPECT_EQ(failed.status, CLEAT_INVALID);
  EXPECT_EQ(failed.text,
            "Pub/Sub Publish " + std::string(kTopic) + ": HTTP 400 INVALID_ARGUMENT: bad message");
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_NE(host.health().first, CLEAT_HEALTH_DOWN) << "it says nothing of the topic";
}

TEST_F(PubSubTest, TellsWhichFailuresAreWorthAnotherAttempt) {
  run({}, CLEAT_OUT);
  const auto fails = [&](const std::string& status, const std::string& code) {
    next("publish", refused(status, code));
    return done(driver.invoke("create", "x"));
  };
  auto failed = fails("503 Busy", "UNAVAILABLE");
  EXPECT_EQ(failed.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(failed.is_retryable());
  failed = fails("429 Slow", "RESOURCE_EXHAUSTED");
  EXPECT_EQ(failed.status, CLEAT_THROTTLED);
  EXPECT_TRUE(failed.is_retryable());
  failed = fails("403 No", "PERMISSION_DENIED");
  EXPECT_EQ(failed.status, CLEAT_DENIED);
  EXPECT_FALSE(failed.is_retryable());
  failed = fails("500 Oh", "INTERNAL");
  EXPECT_FALSE(failed.is_retryable()) << "it may be in the topic";
  next("publish", {R"({"messageIds":[]})"});
  failed = done(driver.invoke("create", "x"));
  EXPECT_EQ(failed.status, CLEAT_REMOTE);
  EXPECT_NE(failed.text.find("0 ids for 1 messages; the message may be in the topic"), std::string::npos);
}

TEST_F(PubSubTest, CompletesACallByItsDeadline) {
  always("publish", [this](const std::string&) {
    server.wait_for("release", 1);
    return Said{};
  });
  run({{"orderingKey", "k"}}, CLEAT_OUT);
  const auto& sent = driver.invoke("create", "x", {}, 2s);
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 1; }));
  const auto& waiting = driver.invoke("create", "y", {}, 1s);
  const auto never = done(waiting);
  EXPECT_EQ(never.status, CLEAT_TIMEOUT);
  EXPECT_TRUE(never.is_retryable()) << never.text;
  const auto failed = done(sent);
  EXPECT_EQ(failed.status, CLEAT_TIMEOUT);
  EXPECT_FALSE(failed.is_retryable());
  EXPECT_NE(failed.text.find("may be in the topic"), std::string::npos);
  server.note("release");
}

TEST_F(PubSubTest, AStopEndsEveryCall) {
  always("publish", [this](const std::string&) {
    server.wait_for("release", 1);
    return Said{};
  });
  run({{"orderingKey", "k"}}, CLEAT_OUT);
  const auto& sent = driver.invoke("create", "x");
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 1; }));
  const auto& waiting = driver.invoke("create", "y");
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(done(sent).status, CLEAT_CANCELLED);
  EXPECT_FALSE(host.completion(sent).is_retryable());
  EXPECT_EQ(done(waiting).status, CLEAT_CANCELLED);
  server.note("release");
}

TEST_F(PubSubTest, CallsWithManyKeysAllGetTheirTurn) {
  run({}, CLEAT_OUT);
  const testing::Completion* last = nullptr;
  for (int i = 0; i < 300; ++i)
    last = &driver.invoke("create", "x", {{"orderingKey", std::to_string(i % 150)}});
  EXPECT_EQ(done(*last).status, CLEAT_OK);
}

TEST_F(PubSubTest, CallsThatGaveUpTakeNobodysTurn) {
  always("publish", [this](const std::string&) {
    server.wait_for("release", 1);
    return Said{R"({"messageIds":["1"]})"};
  });
  run({}, CLEAT_OUT);
  const testing::Completion* last = nullptr;
  constexpr std::uint64_t kCalls = 200;
  for (std::uint64_t i = 0; i < kCalls; ++i)
    last = &driver.invoke("create", "x", {{"orderingKey", std::to_string(i)}});
  ASSERT_TRUE(host.wait_until([&] { return server.count(":publish") == 32; })) << "so many at a time";
  for (std::uint64_t call = 33; call < kCalls; ++call)
    driver.cancel(call);
  pass(50ms);
  server.note("release");
  EXPECT_EQ(done(*last).status, CLEAT_OK);
}

TEST_F(PubSubTest, AMissingTopicIsSaidAndFoundWithoutACall) {
  always("topics", [](const std::string&) {
    return refused("404 No", "NOT_FOUND", "Resource not found (resource=orders).");
  });
  next("publish", refused("404 No", "NOT_FOUND", "Resource not found (resource=orders)."));
  run({}, CLEAT_OUT);
  const auto failed = done(driver.invoke("create", "x"));
  EXPECT_EQ(failed.status, CLEAT_NOT_FOUND);
  EXPECT_TRUE(is_down("HTTP 404 NOT_FOUND: Resource not found (resource=orders)."));
  EXPECT_NE(driver.ping().text.find("NOT_FOUND"), std::string::npos);
  always("topics", [](const std::string&) { return Said{}; });
  EXPECT_TRUE(is_up());
  EXPECT_EQ(driver.ping().status, CLEAT_OK);
}

TEST_F(PubSubTest, ATopicOfARequestThatIsMissingSaysNothingOfTheComponent) {
  next("publish", refused("404 No", "NOT_FOUND"));
  run({}, CLEAT_OUT);
  ASSERT_TRUE(is_up());
  EXPECT_EQ(done(driver.invoke("create", "x", {{"topic", "other"}})).status, CLEAT_NOT_FOUND);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
}

TEST_F(PubSubTest, WhoMayNotLookIsThereAllTheSame) {
  for (const char* action : {"topics", "subscriptions"})
    always(action,
           [](const std::string&) { return refused("403 No", "PERMISSION_DENIED", "User not authorized."); });
  next("pull", messages({message("a")}));
  run();
  EXPECT_EQ(driver.ping().status, CLEAT_OK);
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_OK);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  EXPECT_TRUE(delivered(1));
  EXPECT_TRUE(is_up());
}

TEST_F(PubSubTest, MendsItsHealthAfterAFailureOfThePassingKind) {
  next("publish", refused("503 Busy", "UNAVAILABLE", "try later"));
  run({}, CLEAT_OUT);
  ASSERT_TRUE(is_up());
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(is_down("try later"));
  EXPECT_TRUE(is_up());
}

TEST_F(PubSubTest, MendsItsHealthAfterAnAnswerOfSomebodyElse) {
  next("publish", {"<html>Please log in</html>"});
  run({}, CLEAT_OUT);
  ASSERT_TRUE(is_up());
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_REMOTE);
  EXPECT_TRUE(is_down("is no JSON"));
  EXPECT_TRUE(is_up());
}

// --- reading ---

TEST_F(PubSubTest, DeliversAndAcknowledges) {
  next("pull", messages({message("a", "k"), message("b")}));
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(delivered(2));
  const testing::Delivered first = host.delivered_at(0);
  EXPECT_EQ(first.data, "a");
  EXPECT_EQ(first.source_id, "id-a");
  EXPECT_EQ(first.key, "k");
  EXPECT_EQ(first.lane, 0U) << "the subscription keeps no order";
  EXPECT_EQ(first.header("publishTime"), "2026-11-28 19:03:06.05 +0000 UTC");
  EXPECT_EQ(server.count("did acknowledge"), 0U);
  driver.settle_all();
  EXPECT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  for (const char* each : {"\"ack-a\"", "\"ack-b\""})
    EXPECT_EQ(server.count(each), 2U) << "once asked, and answered";
}

TEST_F(PubSubTest, AsksForNoMoreThanTheWindow) {
  next("pull", messages({message("a"), message("b"), message("c")}));
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input({3, 0, 0}).status, CLEAT_OK);
  ASSERT_TRUE(delivered(3));
  ASSERT_TRUE(did("pull"));
  EXPECT_EQ(server.count(R"({"maxMessages":3})"), 2U) << "asked and answered";
  EXPECT_EQ(server.count(":pull"), 1U) << "the window is full";
  next("pull", messages({message("d")}));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(delivered(4));
  EXPECT_TRUE(did(R"(pull {"maxMessages":1})"));
}

TEST_F(PubSubTest, AsksSideBySideWhereOneRequestGivesLittle) {
  always("pull", [this](const std::string& body) {
    // Who asks for a part of the room is not alone.
    if (std::stoi(body.substr(body.find(':') + 1)) > 30) return messages({message("a")});
    server.note("side by side");
    server.wait_for("release", 1);
    return Said{};
  });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input({60, 0, 0}).status, CLEAT_OK);
  EXPECT_TRUE(host.wait_until([&] { return server.count("side by side") >= 2; }));
  server.note("release");
}

TEST_F(PubSubTest, DoesNotAskInALoopWhatAnswersAtOnce) {
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(did("pull", 2));
  pass(500ms);
  EXPECT_LE(server.count("did pull"), 15U);
}

TEST_F(PubSubTest, BacksOffWhileReadingFails) {
  always("pull", [](const std::string&) { return refused("429 Slow", "RESOURCE_EXHAUSTED"); });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(did("pull", 2));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DEGRADED; }));
  pass(500ms);
  EXPECT_LE(server.count("did pull"), 6U);
}

TEST_F(PubSubTest, WhatCannotBePulledIsSaid) {
  always("pull", [](const std::string&) { return refused("400 No", "FAILED_PRECONDITION", "push is on"); });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  EXPECT_TRUE(is_down("push is on"));
}

TEST_F(PubSubTest, APullThatFoundNothingForLongIsNoFailure) {
  always("pull", [this](const std::string&) {
    if (++counted == 1) return refused("504 Late", "DEADLINE_EXCEEDED");
    server.note("again");
    server.wait_for("release", 1);
    return messages({message("a")});
  });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(host.wait_until([&] { return server.count("again") != 0; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP) << host.health().second;
  EXPECT_EQ(server.count("did subscriptions"), 3U) << "at the start, before reading, and after the silence";
  server.note("release");
  EXPECT_TRUE(delivered(1));
}

/// The quota of reading is another one than that of looking.
TEST_F(PubSubTest, AHealthThatReadingSpoiltIsNotMendedByALook) {
  always("pull", [](const std::string&) { return refused("429 Slow", "RESOURCE_EXHAUSTED"); });
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(did("pull"));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DEGRADED; }));
  const std::size_t before = server.count("did subscriptions");
  ASSERT_TRUE(did("subscriptions", before + 2));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
  EXPECT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_TRUE(is_up()) << "nothing is read any more";
}

TEST_F(PubSubTest, WithoutASubscriptionNothingIsRead) {
  run({{"subscription", ""}});
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  EXPECT_TRUE(host.wait_until([&] { return host.logged("no subscription"); }));
  EXPECT_EQ(done(driver.invoke("create", "x")).status, CLEAT_OK);
  EXPECT_EQ(server.count("/subscriptions/"), 0U);
}

TEST_F(PubSubTest, WithoutADeadLetterPolicyNothingIsReadIfItIsNeeded) {
  driver.facts.emplace_back("dead-letter", "broker");
  run({}, CLEAT_IN);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  EXPECT_TRUE(
      is_down("deadLetter: broker needs a subscription with a dead letter policy, and "
              "projects/p-1/subscriptions/shop shows none"));
  pass(300ms);
  EXPECT_EQ(server.count(":pull"), 0U);
  subscription_is(R"("deadLetterPolicy":{"deadLetterTopic":"x","maxDeliveryAttempts":5})");
  EXPECT_TRUE(did("pull"));
  EXPECT_TRUE(is_up());
}

}  // namespace
}  // namespace cleat::pubsub
