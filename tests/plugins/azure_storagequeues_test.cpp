#include "plugins/azure_queue_fixture.hpp"

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;

TEST_F(QueueTest, AMessageIsDeletedWithTheLatestReceipt) {
  run(CLEAT_IN, {{"visibilityTimeout", "4000000000"}});
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  EXPECT_EQ(host.delivered_at(0).header("insertionTime"), "1994-11-06T08:49:37Z");
  EXPECT_EQ(host.delivered_at(0).header("expirationTime"), "9999-12-31T23:59:59Z");
  ASSERT_TRUE(host.wait_until([&] { return changes >= 2; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_EQ(server->count("PUT /acct/orders/messages/m-1?popreceipt=first&visibilitytimeout=4 "), 1U);
  EXPECT_EQ(server->count("PUT /acct/orders/messages/m-1?popreceipt=receipt-1&visibilitytimeout=4 "), 1U);
  EXPECT_EQ(
      server->count("DELETE /acct/orders/messages/m-1?popreceipt=receipt-" + std::to_string(changes) + " "),
      1U);
  EXPECT_TRUE(host.withdrawn().empty());
}

TEST_F(QueueTest, ADeletionWaitsForTheRenewalThatIsOut) {
  change = [this](const Asked&, int) {
    server->wait_for("go on", 1);
    return answer("204 No Content", "", "x-ms-popreceipt: second\r\n");
  };
  // The renewal may be out for a quarter of this.
  run(CLEAT_IN, {{"visibilityTimeout", "12000000000"}});
  ASSERT_TRUE(host.wait_until([&] { return changes >= 1; }));
  driver.settle(host.delivered_at(0).id);
  // The next looks into the queue came and went while the deletion waited.
  const int before = gets;
  ASSERT_TRUE(host.wait_until([&] { return gets > before + 2; }));
  EXPECT_EQ(removes, 0);
  server->note("go on");
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_EQ(server->count("popreceipt=second "), 1U);
}

TEST_F(QueueTest, WhatIsNotOursAnyMoreIsWithdrawn) {
  change = [](const Asked&, int) {
    return answer("404 Not Found", "<Error><Code>MessageNotFound</Code><Message>gone</Message></Error>");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.withdrawn().size() == 1; }));
  EXPECT_TRUE(host.logged("the right to a message was lost"));
  driver.abandon_withdrawn();
  EXPECT_EQ(removes, 0);
}

/// As one that expires before the time that a renewal asks for.
TEST_F(QueueTest, AMessageThatCannotBeRenewedIsOursForTheTimeThatItHas) {
  change = [](const Asked&, int) {
    return answer("400 Bad Request",
                  "<Error><Code>OutOfRangeQueryParameterValue</Code><Message>no</Message></Error>");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return changes == 1; }));
  driver.settle(host.delivered_at(0).id);
  EXPECT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_TRUE(host.withdrawn().empty());
  EXPECT_EQ(changes, 1) << "asking again is no use";
}

TEST_F(QueueTest, ADeletionIsTriedUntilItIsConfirmed) {
  remove = [](const Asked&, int number) {
    if (number == 1) return answer("200 OK", "a proxy's page");
    return number < 4 ? answer("503 Server Busy", "") : answer("204 No Content", "");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 4; }));
}

TEST_F(QueueTest, WhatIsDoneAndComesBackIsDeletedAndNotDeliveredAgain) {
  remove = [](const Asked& asked, int) {
    return asked.line.find("popreceipt=again") != std::string::npos ? answer("204 No Content", "")
                                                                    : answer("500 Oh", "");
  };
  const auto is_given_again = std::make_shared<std::atomic<bool>>(false);
  get = [this, is_given_again](const Asked&, int number) {
    if (number == 1) return one_message("first");
    return removes >= 1 && !is_given_again->exchange(true) ? one_message("again", "2") : no_messages();
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return server->count("popreceipt=again ") == 1; }));
  EXPECT_EQ(host.delivered_count(), 1U);
}

TEST_F(QueueTest, AServerThatIsBusyIsLeftAlone) {
  get = [](const Asked&, int) { return answer("503 Server Busy", "", "Retry-After: 3600\r\n"); };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_NE(host.health().second.find("HTTP 503"), std::string::npos);
  EXPECT_EQ(gets, 1);
}

TEST_F(QueueTest, AnAnswerThatIsNoneIsSaid) {
  get = [](const Asked&, int) { return answer("200 OK", "<html>"); };
  run(CLEAT_IN);
  EXPECT_TRUE(host.wait_until([&] { return host.logged("is the endpoint a queue service?"); }));
}

TEST_F(QueueTest, ACallThatMayHaveBeenCarriedOutSaysSo) {
  put = [this](const Asked&, int) {
    server->wait_for("never", 1);
    return std::string();
  };
  run(CLEAT_OUT);
  const auto& call = driver.invoke("create", "x", {}, 2s);
  ASSERT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
  EXPECT_EQ(host.completion(call).status, CLEAT_TIMEOUT);
  EXPECT_FALSE(host.completion(call).is_retryable());
  EXPECT_NE(host.completion(call).text.find("may have been carried out"), std::string::npos);
}

TEST_F(QueueTest, AMessageHasNoEndUnlessOneIsAskedFor) {
  run(CLEAT_OUT);
  for (const Pairs& metadata :
       std::vector<Pairs>{{}, {{"ttlInSeconds", "60"}, {"initialVisibilityDelay", "1m30s"}}}) {
    const auto& call = driver.invoke("create", R"("a & b")", metadata);
    ASSERT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
    EXPECT_EQ(host.completion(call).status, CLEAT_OK) << host.completion(call).text;
  }
  EXPECT_EQ(server->count("POST /acct/orders/messages?messagettl=-1 "), 1U);
  EXPECT_EQ(server->count("POST /acct/orders/messages?messagettl=60&visibilitytimeout=90 "), 1U);
  EXPECT_EQ(server->count("<QueueMessage><MessageText>a &amp; b</MessageText></QueueMessage>"), 2U);
}

TEST_F(QueueTest, WhatIsWrongInAComponentIsSaid) {
  const Pairs good{{"accountName", "a"}, {"accountKey", kKey}, {"queueName", "orders"}};
  const auto with = [&](const char* name, const char* value) {
    Pairs fields = good;
    fields.insert(fields.begin(), {name, value});
    return init_error(fields);
  };
  EXPECT_EQ(init_error(good), "");
  EXPECT_EQ(init_error({{"queueName", "orders"}}), "missing or empty accountName field from metadata");
  EXPECT_EQ(with("pollingInterval", "99000000"),
            "invalid value for 'pollingInterval': must be greater than 100ms");
  EXPECT_EQ(with("queueName", "Bad_Name").rfind("queueName: expected", 0), 0U);
  EXPECT_EQ(with("visibilityTimeout", "1000000000").rfind("visibilityTimeout: expected", 0), 0U);
  EXPECT_EQ(with("caCert", "none").rfind("caCert", 0), 0U);
}

TEST_F(QueueTest, AnOutageThatACallFoundEndsWithoutACall) {
  const auto is_away = std::make_shared<std::atomic<bool>>(true);
  put = [](const Asked&, int) { return answer("500 Oh", ""); };
  look = [is_away, well = look](const Asked& asked, int number) {
    return *is_away ? answer("500 Oh", "") : well(asked, number);
  };
  run(CLEAT_OUT);
  const auto& call = driver.invoke("create", "x");
  ASSERT_TRUE(host.wait_until([&] { return host.completion(call).done && looks >= 1; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  *is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  EXPECT_EQ(puts, 1);
}

}  // namespace
}  // namespace cleat::storagequeues
