#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

#include "plugins/azure_queue_fixture.hpp"

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string refused(const char* code) {
  return answer("404 Not Found", "<Error><Code>" + std::string(code) + "</Code><Message>no</Message></Error>",
                "x-ms-request-id: r-77\r\n");
}

/// A message of which an element is missing.
std::string message_without(const std::string& element) {
  std::string text = one_message("first");
  const std::size_t from = text.find("<" + element + ">");
  const std::string end = "</" + element + ">";
  text.erase(from, text.find(end) + end.size() - from);
  return answer("200 OK", text.substr(text.find("\r\n\r\n") + 4));
}

// --- out ---

TEST_F(QueueTest, APutThatIsNotConfirmedIsNoSuccess) {
  const std::vector<std::string> answers{answer("200 OK", "<html>hello</html>", "x-ms-request-id: r-1\r\n"),
                                         answer("201 Created", "<QueueMessagesList/>"),
                                         answer("202 Accepted", put_answer_body())};
  put = [&](const Asked&, int number) { return answers.at(static_cast<std::size_t>(number) - 1); };
  run(CLEAT_OUT);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& call = driver.invoke("create", "x");
    ASSERT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
    const testing::Completion done = host.completion(call);
    EXPECT_EQ(done.status, CLEAT_REMOTE) << i;
    EXPECT_FALSE(done.is_retryable()) << i;
    EXPECT_NE(done.text.find("may have been put"), std::string::npos) << done.text;
    if (i == 0) EXPECT_NE(done.text.find("HTTP 200"), std::string::npos) << done.text;
    if (i == 0) EXPECT_NE(done.text.find("request id r-1"), std::string::npos) << done.text;
  }
}

TEST_F(QueueTest, AFloodOfPutsLeavesConnectionsToTheRest) {
  put = [this](const Asked&, int) {
    server->wait_for("never", 1);
    return std::string();
  };
  run(CLEAT_IN | CLEAT_OUT, {{"visibilityTimeout", "6000000000"}});
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  for (int i = 0; i < 300; ++i)
    driver.invoke("create", "x");
  ASSERT_TRUE(host.wait_until([&] { return puts >= 64; }));
  // Renewals, and then the deletion, go out while the puts hang.
  const int before = changes;
  ASSERT_TRUE(host.wait_until([&] { return changes >= before + 2; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_TRUE(host.withdrawn().empty());
  EXPECT_EQ(puts, 64);
  server->note("never");
}

TEST_F(QueueTest, APutThatWaitsForItsTurnKeepsItsDeadlineAndCanBeCancelled) {
  put = [this](const Asked&, int) {
    server->wait_for("go on", 1);
    return answer("201 Created", put_answer_body());
  };
  run(CLEAT_OUT);
  for (int i = 0; i < 64; ++i)
    driver.invoke("create", "x");
  ASSERT_TRUE(host.wait_until([&] { return puts == 64; }));
  const auto& late = driver.invoke("create", "x", {}, 100ms);
  const auto& cancelled = driver.invoke("create", "x");
  driver.cancel(66);
  const auto& waits = driver.invoke("create", "last");
  ASSERT_TRUE(host.wait_until([&] { return host.completion(late).done && host.completion(cancelled).done; }));
  EXPECT_EQ(host.completion(late).status, CLEAT_TIMEOUT);
  EXPECT_TRUE(host.completion(late).is_retryable());
  EXPECT_EQ(host.completion(cancelled).status, CLEAT_CANCELLED);
  EXPECT_FALSE(host.completion(waits).done);
  server->note("go on");
  ASSERT_TRUE(host.wait_until([&] { return host.completion(waits).done; }));
  EXPECT_EQ(host.completion(waits).status, CLEAT_OK);
  EXPECT_EQ(puts, 65);
}

// --- in ---

class Incomplete : public QueueTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(Incomplete, AMessageThatCouldNotBeSettledIsNotDelivered) {
  get = [](const Asked&, int number) { return number == 1 ? message_without(GetParam()) : no_messages(); };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DEGRADED; }));
  EXPECT_NE(host.health().second.find("without MessageId or PopReceipt"), std::string::npos)
      << host.health().second;
  EXPECT_TRUE(host.logged("cannot be settled"));
  // An empty queue says nothing about it.
  const int before = gets;
  ASSERT_TRUE(host.wait_until([&] { return gets > before + 3; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
  EXPECT_EQ(host.delivered_count(), 0U);
  EXPECT_EQ(removes + changes, 0);
}

INSTANTIATE_TEST_SUITE_P(Elements, Incomplete, ::testing::Values("MessageId", "PopReceipt"));

TEST_F(QueueTest, WholeMessagesEndTheComplaintAboutOthers) {
  get = [this](const Asked&, int number) {
    if (number == 1) return message_without("PopReceipt");
    return host.health().first == CLEAT_HEALTH_DEGRADED && number > 3 ? one_message("first") : no_messages();
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() >= 1; }));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(QueueTest, AnAnswerThatIsNoneIsAFailingAndItsEndIsSeen) {
  get = [](const Asked&, int number) { return number < 3 ? answer("200 OK", "<html>") : no_messages(); };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DEGRADED; }));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(QueueTest, AnUpdateWithoutAReceiptLeavesTheOneThatIsThere) {
  change = [](const Asked&, int) { return answer("204 No Content", ""); };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return changes >= 1; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_EQ(server->count("DELETE /acct/orders/messages/m-1?popreceipt=first "), 1U);
  EXPECT_EQ(server->count("popreceipt= "), 0U);
}

TEST_F(QueueTest, ARenewalThatHangsIsAskedAgainBeforeTheTimeIsOver) {
  change = [this](const Asked&, int number) {
    if (number == 1) server->wait_for("never", 1);
    return answer("204 No Content", "", "x-ms-popreceipt: receipt-" + std::to_string(number) + "\r\n");
  };
  run(CLEAT_IN, {{"visibilityTimeout", "8000000000"}});
  ASSERT_TRUE(host.wait_until([&] { return changes >= 3; }));
  EXPECT_TRUE(host.withdrawn().empty());
  EXPECT_EQ(server->count("popreceipt=first&"), 2U);
}

TEST_F(QueueTest, HangingDeletionsLeaveRoomForRenewals) {
  remove = [this](const Asked&, int) {
    server->wait_for("never", 1);
    return answer("204 No Content", "");
  };
  get = [](const Asked&, int number) {
    return number <= 101 ? one_message("r", "1", number) : no_messages();
  };
  run(CLEAT_IN, {{"visibilityTimeout", "6000000000"}}, {101, 0, 0});
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 101; }));
  for (std::size_t i = 0; i < 100; ++i)
    driver.settle(host.delivered_at(i).id);
  ASSERT_TRUE(host.wait_until([&] { return server->count("PUT /acct/orders/messages/m-101?") >= 2; }));
  EXPECT_LT(removes, 64);
  server->note("never");
}

TEST_F(QueueTest, ADeletionThatFailsIsAskedForEverMoreRarely) {
  struct Times {
    std::mutex mutex;
    std::vector<Clock::time_point> all;
  };
  const auto times = std::make_shared<Times>();
  remove = [times](const Asked&, int number) {
    const std::lock_guard lock(times->mutex);
    times->all.push_back(Clock::now());
    return number < 5 ? answer("503 Server Busy", "") : answer("204 No Content", "");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes >= 5; }));
  const std::lock_guard lock(times->mutex);
  // Half a second at most before the second one, 2 s at least before the fifth.
  EXPECT_GE(times->all[4] - times->all[3], 2s);
}

// --- a service that has a bad time ---

class BadTime : public QueueTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(BadTime, IsSaidAndAskedMoreRarelyAndEndsByItself) {
  const auto is_bad = std::make_shared<std::atomic<bool>>(true);
  const std::string bad = answer(GetParam(), "<Error><Code>Any</Code><Message>no\nmore</Message></Error>",
                                 "x-ms-request-id: r-9\r\n");
  const auto is_given = std::make_shared<std::atomic<bool>>(false);
  get = [is_bad, is_given, bad](const Asked&, int) {
    if (*is_bad) return bad;
    return is_given->exchange(true) ? no_messages() : one_message("first");
  };
  put = [is_bad, bad](const Asked&, int) { return *is_bad ? bad : answer("201 Created", put_answer_body()); };
  look = [is_bad, bad, well = look](const Asked& asked, int number) {
    return *is_bad ? bad : well(asked, number);
  };
  run(CLEAT_IN | CLEAT_OUT);
  ASSERT_TRUE(host.wait_until([&] {
    return host.health().first == CLEAT_HEALTH_DOWN || host.health().first == CLEAT_HEALTH_DEGRADED;
  }));
  EXPECT_NE(host.health().second.find("(request id r-9)"), std::string::npos) << host.health().second;
  const auto& call = driver.invoke("create", "x");
  ASSERT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
  EXPECT_NE(host.completion(call).text.find("(request id r-9)"), std::string::npos);
  EXPECT_EQ(host.completion(call).is_retryable(), std::string_view(GetParam()).substr(0, 3) != "403");
  // The fourth look is a second and more behind the first: 100, 200 and 400 ms at least, of 200, 400 and 800.
  const auto began = Clock::now();
  const int at = gets;
  ASSERT_TRUE(host.wait_until([&] { return gets >= at + 3; }));
  EXPECT_GE(Clock::now() - began, 400ms);
  *is_bad = false;
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
}

INSTANTIATE_TEST_SUITE_P(Status, BadTime,
                         ::testing::Values("403 Forbidden", "429 Too Many Requests", "503 Server Busy"));

TEST_F(QueueTest, AnAnswerThatBreaksOffDeliversNothing) {
  // It says that it is longer than it is, and the connection ends.
  server = std::make_unique<ScriptedServer>([this](ScriptedServer::Connection& connection) {
    while (const Asked asked = testing::read_request(connection)) {
      const std::string whole = answer_to(asked);
      const bool is_cut = asked.line.rfind("GET ", 0) == 0 && gets <= 2;
      connection.write(is_cut ? whole.substr(0, whole.size() - 30) : whole);
      if (is_cut) return;
    }
  });
  get = [](const Asked&, int number) { return number <= 3 ? one_message("first") : no_messages(); };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  EXPECT_GE(gets, 3);
  EXPECT_EQ(host.delivered_at(0).data, "body");
}

// --- the answer to a renewal that was lost ---

class LostReceipt : public QueueTest {
 protected:
  /// The first renewal is carried out and its answer lost: from then on the first receipt is an old one.
  void lose_the_answer() {
    change = [this](const Asked& asked, int number) {
      if (number == 1) return answer("500 Oh", "");
      return asked.line.find("popreceipt=first&") != std::string::npos
                 ? refused("PopReceiptMismatch")
                 : answer("204 No Content", "", "x-ms-popreceipt: later\r\n");
    };
    remove = [](const Asked& asked, int) {
      return asked.line.find("popreceipt=first ") != std::string::npos ? refused("MessageNotFound")
                                                                       : answer("204 No Content", "");
    };
    get = [this](const Asked&, int number) {
      if (number == 1) return one_message("first");
      return is_visible.exchange(false) ? one_message("second", "2") : no_messages();
    };
  }
  /// In a field of a line of the log.
  bool said(std::string_view part) const {
    const auto lines = host.log();
    return std::any_of(lines.begin(), lines.end(), [&](const auto& line) {
      return std::any_of(line.fields.begin(), line.fields.end(),
                         [&](const auto& field) { return field.second.find(part) != std::string::npos; });
    });
  }
  std::atomic<bool> is_visible = false;
};

TEST_F(LostReceipt, WhatWasHandledIsDeletedWhenItComesBack) {
  lose_the_answer();
  run(CLEAT_IN, {{"visibilityTimeout", "8000000000"}});
  ASSERT_TRUE(host.wait_until([&] { return changes >= 1; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  ASSERT_TRUE(host.wait_until([&] { return host.logged("comes again"); }));
  is_visible = true;
  ASSERT_TRUE(host.wait_until(
      [&] { return server->count("DELETE /acct/orders/messages/m-1?popreceipt=second ") == 1; }));
  EXPECT_EQ(host.delivered_count(), 1U);
}

TEST_F(LostReceipt, WhatIsWithTheApplicationIsWithdrawnAndComesAgain) {
  lose_the_answer();
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_TRUE(said("the answer to its last renewal was lost"));
  driver.abandon_withdrawn();
  is_visible = true;
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 2; }));
  EXPECT_EQ(host.delivered_at(1).header("dequeueCount"), "2");
  driver.settle(host.delivered_at(1).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_EQ(server->count("DELETE /acct/orders/messages/m-1?popreceipt=second "), 1U);
}

TEST_F(LostReceipt, ARenewalThatTheServiceWasTooBusyForHasNotLostIt) {
  lose_the_answer();
  change = [](const Asked&, int number) {
    return number == 1 ? answer("503 Server Busy", "") : refused("PopReceiptMismatch");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_TRUE(said("PopReceiptMismatch"));
  EXPECT_FALSE(said("the answer to its last renewal was lost"));
}

TEST_F(LostReceipt, ARenewalThatWasNotCarriedOutGoesOn) {
  lose_the_answer();
  change = [](const Asked&, int number) {
    if (number == 1) return answer("500 Oh", "");
    return answer("204 No Content", "", "x-ms-popreceipt: receipt-" + std::to_string(number) + "\r\n");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return changes >= 3; }));
  EXPECT_TRUE(host.withdrawn().empty());
}

}  // namespace
}  // namespace cleat::storagequeues
