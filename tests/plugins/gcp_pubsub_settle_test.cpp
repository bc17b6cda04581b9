#include <algorithm>

#include "plugins/gcp_pubsub_fixture.hpp"
#include "plugins/rsa.hpp"

/// What becomes of the messages that are out: acknowledgements, renewals, what is given back.
namespace cleat::pubsub {
namespace {

using namespace std::chrono_literals;

class PubSubSettling : public PubSubTest {
 protected:
  /// Delivers these and no others, of a subscription that is like this.
  void read(std::initializer_list<std::string> all,
            const std::string& subscription = R"("ackDeadlineSeconds":10)", const Window& window = {64, 0, 0},
            const testing::Pairs& fields = {}) {
    subscription_is(subscription);
    next("pull", messages(all));
    run(fields, CLEAT_IN);
    ASSERT_EQ(driver.begin_input(window).status, CLEAT_OK);
  }
  [[nodiscard]] std::uint64_t id(std::size_t index) const { return host.delivered_at(index).id; }
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> out;
    for (const testing::Delivered& each : host.delivered())
      out.push_back(each.data);
    return out;
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
  /// Of a request of this action with these ids.
  static std::string modify(const std::string& ids, int seconds) {
    return "modifyAckDeadline {\"ackIds\":[" + ids + "],\"ackDeadlineSeconds\":" + std::to_string(seconds) +
           "}";
  }
};

TEST_F(PubSubSettling, AnAcknowledgementIsRepeatedUntilItIsConfirmed) {
  next("acknowledge", refused("503 Busy", "UNAVAILABLE"));
  next("acknowledge", {"not json"});
  next("acknowledge", refused("403 No", "PERMISSION_DENIED"));
  read({message("a")});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  EXPECT_TRUE(did(R"(acknowledge {"ackIds":["ack-a"]})", 4));
  EXPECT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_FALSE(host.logged("come again"));
}

/// What the giver of tokens answers is no word of Pub/Sub's on the message.
TEST_F(PubSubSettling, AnAcknowledgementIsRepeatedAfterATokenThatWasRefused) {
  for (const char* status : {"404 Not Found", "400 Bad Request"}) {
    next("token", {R"({"access_token":"planted-token","expires_in":3600})"});
    next("token", {R"({"error":"invalid_grant"})", status});
  }
  next("acknowledge", refused("401 Unauthorized", "UNAUTHENTICATED"));
  next("acknowledge", refused("401 Unauthorized", "UNAUTHENTICATED"));
  read({message("a")}, R"("ackDeadlineSeconds":10)", {64, 0, 0},
       {{"endpoint", server.url()},
        {"tokenURI", server.url() + "/token"},
        {"privateKeyID", "kid"},
        {"privateKey", testing::test_key().pem()},
        {"clientEmail", "me@x"}});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  EXPECT_TRUE(did("token", 5));
  EXPECT_TRUE(did(R"(acknowledge {"ackIds":["ack-a"]})", 3));
}

/// The first acknowledgement is held up, so that the others go together.
TEST_F(PubSubSettling, OnlyTheIdsThatAreNamedAreRefused) {
  always("acknowledge", [this](const std::string& body) {
    if (body.find("ack-first") != std::string::npos) server.wait_for("release", 1);
    return body.find("ack-a") != std::string::npos
               ? refused_ids(R"("ack-a":"PERMANENT_FAILURE_INVALID_ACK_ID","ack-b":"TRANSIENT_FAILURE_X")")
               : Said{};
  });
  read({message("first"), message("a"), message("b"), message("c")});
  ASSERT_TRUE(delivered(4));
  driver.settle(id(0));
  ASSERT_TRUE(host.wait_until([&] { return server.count(":acknowledge") == 1; }));
  for (std::size_t i = 1; i < 4; ++i)
    driver.settle(id(i));
  pass(50ms);
  server.note("release");
  EXPECT_TRUE(logged_with("does not take the acknowledgement of a message", "id-a"));
  EXPECT_TRUE(did(R"(acknowledge {"ackIds":["ack-b","ack-c"]})")) << "of c nothing was said";
  EXPECT_EQ(server.count(R"(did acknowledge {"ackIds":["ack-a","ack-b","ack-c"]})"), 1U);
}

TEST_F(PubSubSettling, WhatIsRefusedTogetherIsAskedForOneByOne) {
  always("acknowledge", [this](const std::string& body) {
    if (body.find("ack-first") != std::string::npos) server.wait_for("release", 1);
    return body.find("ack-b") != std::string::npos
               ? refused("400 Bad Request", "INVALID_ARGUMENT", "You have passed an invalid ack ID")
               : Said{};
  });
  read({message("first"), message("a"), message("b"), message("c")});
  ASSERT_TRUE(delivered(4));
  driver.settle(id(0));
  ASSERT_TRUE(host.wait_until([&] { return server.count(":acknowledge") == 1; }));
  for (std::size_t i = 1; i < 4; ++i)
    driver.settle(id(i));
  pass(50ms);
  server.note("release");
  for (const char* each : {"a", "b", "c"})
    EXPECT_TRUE(did(R"(acknowledge {"ackIds":["ack-)" + std::string(each) + "\"]}")) << each;
  EXPECT_TRUE(logged_with("does not take the acknowledgement of a message", "id-b"));
}

TEST_F(PubSubSettling, AcknowledgementsOfASubscriptionThatIsGoneEnd) {
  always("acknowledge",
         [](const std::string&) { return refused("404 No", "NOT_FOUND", "Resource not found"); });
  read({message("a")});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  EXPECT_TRUE(logged_with("does not take the acknowledgement of a message", "id-a"));
}

TEST_F(PubSubSettling, AStopSaysWhatWasNotConfirmed) {
  always("acknowledge", [](const std::string&) { return refused("503 Busy", "UNAVAILABLE"); });
  read({message("a")});
  ASSERT_TRUE(delivered(1));
  driver.settle(id(0));
  ASSERT_TRUE(did("acknowledge"));
  EXPECT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_EQ(driver.stop(2s).status, CLEAT_OK);
  EXPECT_TRUE(logged_with("did not confirm all acknowledgements", "id-a"));
}

TEST_F(PubSubSettling, GivesBackWithTheDelayOrAtOnceOrNotAtAll) {
  read({message("a"), message("b"), message("c"), message("d"), message("e")});
  ASSERT_TRUE(delivered(5));
  driver.settle(id(0), CLEAT_REQUEUE, 0, 7s);
  driver.settle(id(1), CLEAT_REQUEUE, 0, 3600s);
  driver.settle(id(2), CLEAT_ABANDON);
  driver.settle(id(3), CLEAT_ABANDON, CLEAT_MAY_STILL_RUN);
  EXPECT_TRUE(did(modify("\"ack-a\"", 7)));
  EXPECT_TRUE(did(modify("\"ack-b\"", 600)));
  EXPECT_TRUE(did(modify("\"ack-c\"", 0)));
  driver.settle(id(4));
  EXPECT_TRUE(did("acknowledge"));
  EXPECT_EQ(server.count("ack-d\""), 0U);
}

TEST_F(PubSubSettling, WhatIsRejectedGoesBackForThePolicyToPutAside) {
  read({message("a"), message("b")});
  ASSERT_TRUE(delivered(2));
  driver.settle(id(0), CLEAT_REJECT);
  driver.settle(id(1), CLEAT_REJECT);
  EXPECT_TRUE(
      host.wait_until([&] { return server.count("\"ack-b\"") != 0 && server.count("\"ack-a\"") != 0; }));
  EXPECT_TRUE(host.logged("deadLetter: broker has no effect"));
  const auto log = host.log();
  EXPECT_EQ(std::count_if(log.begin(), log.end(),
                          [](const testing::LogLine& line) {
                            return line.message.find("no effect") != std::string::npos;
                          }),
            1);
}

TEST_F(PubSubSettling, AMessageIsKeptFromOthersUntilItIsSettled) {
  read({message("a")}, R"("ackDeadlineSeconds":1)");
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(did(modify("\"ack-a\"", 1), 3));
  EXPECT_TRUE(host.withdrawn().empty());
  driver.settle(id(0));
  ASSERT_TRUE(did("acknowledge"));
  const std::size_t before = server.count(":modifyAckDeadline");
  pass(1200ms);
  EXPECT_EQ(server.count(":modifyAckDeadline"), before);
}

TEST_F(PubSubSettling, ARenewalIsForAsLongAsTheFieldSays) {
  read({message("a")}, R"("ackDeadlineSeconds":1)", {64, 0, 0}, {{"ackDeadline", "20000000000"}});
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(did(modify("\"ack-a\"", 20)));
  pass(1500ms);
  EXPECT_EQ(server.count(":modifyAckDeadline"), 1U);
  EXPECT_TRUE(host.withdrawn().empty());
}

TEST_F(PubSubSettling, WhatCannotBeRenewedIsWithdrawn) {
  always("modifyAckDeadline", [](const std::string&) { return refused("503 Busy", "UNAVAILABLE"); });
  read({message("a")}, R"("ackDeadlineSeconds":2)");
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_GE(server.count(":modifyAckDeadline"), 2U) << "it is asked again before that";
  EXPECT_TRUE(logged_with("before it could be put off", "id-a"));
  driver.abandon_withdrawn();
  pass(100ms);
  EXPECT_EQ(server.count(modify("\"ack-a\"", 0)), 0U) << "others may have it";
}

TEST_F(PubSubSettling, WhatTheServiceDoesNotRenewIsWithdrawnAtOnceAndAcknowledgedAllTheSame) {
  always("modifyAckDeadline",
         [](const std::string&) { return refused_ids(R"("ack-a":"PERMANENT_FAILURE_INVALID_ACK_ID")"); });
  read({message("a"), message("b")}, R"("ackDeadlineSeconds":4)");
  ASSERT_TRUE(delivered(2));
  EXPECT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_EQ(host.withdrawn().front(), id(0));
  driver.settle(id(0));
  EXPECT_TRUE(did(R"(acknowledge {"ackIds":["ack-a"]})"));
  driver.settle(id(1));
}

TEST_F(PubSubSettling, ABadIdDoesNotKeepOthersFromBeingRenewed) {
  always("modifyAckDeadline", [](const std::string& body) {
    return body.find("ack-a") != std::string::npos ? refused("400 Bad Request", "INVALID_ARGUMENT") : Said{};
  });
  read({message("a"), message("b")}, R"("ackDeadlineSeconds":4)");
  ASSERT_TRUE(delivered(2));
  EXPECT_TRUE(did(modify("\"ack-b\"", 4)));
  EXPECT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_EQ(host.withdrawn().front(), id(0));
  driver.settle_all();
}

TEST_F(PubSubSettling, AReturnWaitsForTheRenewalThatIsOnItsWay) {
  always("modifyAckDeadline", [this](const std::string& body) {
    if (body.find(":2}") != std::string::npos) server.wait_for("release", 1);
    return Said{};
  });
  read({message("a"), message("b")}, R"("ackDeadlineSeconds":2)");
  ASSERT_TRUE(delivered(2));
  ASSERT_TRUE(host.wait_until([&] { return server.count(":modifyAckDeadline") == 1; }));
  driver.settle(id(0), CLEAT_ABANDON);
  driver.settle(id(1));
  ASSERT_TRUE(did("acknowledge"));
  EXPECT_EQ(server.count(R"("ackDeadlineSeconds":0)"), 0U) << "beside the renewal";
  server.note("release");
  EXPECT_TRUE(did(modify("\"ack-a\"", 0)));
}

TEST_F(PubSubSettling, AKeyIsALaneThatGoesBackAsAWhole) {
  read({message("a1", "a"), message("a2", "a"), message("a3", "a"), message("b1", "b")},
       R"("ackDeadlineSeconds":10,"enableMessageOrdering":true)", {64, 0, 2});
  ASSERT_TRUE(delivered(3));
  EXPECT_EQ(bodies(), (std::vector<std::string>{"a1", "a2", "b1"})) << "of a lane two at a time";
  const std::uint64_t lane = host.delivered_at(0).lane;
  EXPECT_NE(lane, 0U);
  EXPECT_EQ(host.delivered_at(1).lane, lane);
  EXPECT_NE(host.delivered_at(2).lane, lane);
  driver.settle(id(0), CLEAT_REQUEUE, 0, 5s);
  driver.settle(id(1), CLEAT_ABANDON);
  EXPECT_TRUE(host.wait_until([&] {
    return server.count("\"ack-a1\"") != 0 && server.count("\"ack-a2\"") != 0 &&
           server.count("\"ack-a3\"") != 0;
  }));
  EXPECT_EQ(server.count(R"("ackDeadlineSeconds":0)"), 0U) << "nothing of it comes before the first";
  next("pull", messages({message("a1-again", "a")}));
  ASSERT_TRUE(delivered(4));
  EXPECT_NE(host.delivered_at(3).lane, lane);
}

TEST_F(PubSubSettling, ALostMessageTakesItsKeyAlong) {
  always("modifyAckDeadline", [](const std::string& body) {
    return body.find("ack-a1") != std::string::npos
               ? refused_ids(R"("ack-a1":"PERMANENT_FAILURE_INVALID_ACK_ID")")
               : Said{};
  });
  read({message("a1", "a"), message("a2", "a")}, R"("ackDeadlineSeconds":4,"enableMessageOrdering":true)",
       {64, 0, 1});
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_TRUE(did(modify("\"ack-a2\"", 0))) << "it does not overtake";
  EXPECT_EQ(host.delivered_count(), 1U);
  driver.abandon_withdrawn();
}

TEST_F(PubSubSettling, TheEndOfReadingGivesBackWhatWaits) {
  read({message("a1", "a"), message("a2", "a")}, R"("ackDeadlineSeconds":10,"enableMessageOrdering":true)",
       {64, 0, 1});
  ASSERT_TRUE(delivered(1));
  EXPECT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_TRUE(did(modify("\"ack-a2\"", 0)));
  driver.settle(id(0));
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(server.count(R"(did acknowledge {"ackIds":["ack-a1"]})"), 1U);
}

}  // namespace
}  // namespace cleat::pubsub
