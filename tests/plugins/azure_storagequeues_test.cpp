#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "storagequeues_binding.hpp"

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

constexpr const char* kKey = "cGxhbnRlZC1zZWNyZXQ=";

std::string no_messages() {
  return answer("200 OK", "<?xml version=\"1.0\"?><QueueMessagesList/>");
}

std::string one_message(const std::string& receipt, const std::string& count = "1") {
  return answer(
      "200 OK",
      "<?xml version=\"1.0\"?><QueueMessagesList><QueueMessage><MessageId>m-1</MessageId>"
      "<InsertionTime>Sun, 06 Nov 1994 08:49:37 GMT</InsertionTime>"
      "<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>" +
          receipt +
          "</PopReceipt><TimeNextVisible>Sun, 06 Nov 1994 08:50:07 GMT</TimeNextVisible><DequeueCount>" +
          count + "</DequeueCount><MessageText>body</MessageText></QueueMessage></QueueMessagesList>");
}

/// A queue in the hands of a test: one function per kind of request.
class QueueTest : public ::testing::Test {
 protected:
  using Kind = std::function<std::string(const Asked&, int number)>;

  void serve() {
    server = std::make_unique<ScriptedServer>([this](ScriptedServer::Connection& connection) {
      while (const Asked asked = testing::read_request(connection))
        connection.write(answer_to(asked));
    });
  }
  std::string answer_to(const Asked& asked) {
    const auto begins = [&](const char* text) { return asked.line.rfind(text, 0) == 0; };
    if (begins("GET ")) return get(asked, ++gets);
    if (begins("DELETE ")) return remove(asked, ++removes);
    if (begins("PUT ") && asked.line.find("/messages/") != std::string::npos) return change(asked, ++changes);
    return begins("PUT ") ? answer("201 Created", "") : put(asked, ++puts);
  }
  void run(std::uint32_t directions, Pairs more = {}) {
    if (!server) serve();
    Pairs fields{{"accountName", "acct"},
                 {"accountKey", kKey},
                 {"endpoint", server->url()},
                 {"queueName", "orders"},
                 {"visibilityTimeout", "2000000000"},
                 {"pollingInterval", "100000000"}};
    fields.insert(fields.begin(), more.begin(), more.end());
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(fields, directions);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
    if ((directions & CLEAT_IN) != 0) driver.begin_input();
  }
  std::string init_error(const Pairs& fields) {
    if (!is_made) driver.create();
    is_made = true;
    return driver.init(fields, CLEAT_IN | CLEAT_OUT).text;
  }

  std::atomic<int> gets = 0, removes = 0, changes = 0, puts = 0;
  Kind get = [](const Asked&, int number) { return number == 1 ? one_message("first") : no_messages(); };
  Kind remove = [](const Asked&, int) { return answer("204 No Content", ""); };
  Kind change = [](const Asked&, int number) {
    return answer("204 No Content", "", "x-ms-popreceipt: receipt-" + std::to_string(number) + "\r\n");
  };
  Kind put = [](const Asked&, int) { return answer("201 Created", "<QueueMessagesList/>"); };
  bool is_made = false;
  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<StorageQueuesBinding>("bindings.azure.storagequeues");
  testing::Driver driver{host, type};
};

TEST_F(QueueTest, AMessageIsDeletedWithTheLatestReceipt) {
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  EXPECT_EQ(host.delivered_at(0).header("insertionTime"), "1994-11-06T08:49:37Z");
  EXPECT_EQ(host.delivered_at(0).header("expirationTime"), "9999-12-31T23:59:59Z");
  ASSERT_TRUE(host.wait_until([&] { return changes >= 2; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 1; }));
  EXPECT_EQ(server->count("PUT /acct/orders/messages/m-1?popreceipt=first&visibilitytimeout=2 "), 1U);
  EXPECT_EQ(server->count("PUT /acct/orders/messages/m-1?popreceipt=receipt-1&visibilitytimeout=2 "), 1U);
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
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return changes == 1; }));
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

TEST_F(QueueTest, ADeletionIsTriedUntilItIsConfirmed) {
  remove = [](const Asked&, int number) {
    return number < 3 ? answer("503 Server Busy", "") : answer("204 No Content", "");
  };
  run(CLEAT_IN);
  ASSERT_TRUE(host.wait_until([&] { return host.delivered_count() == 1; }));
  driver.settle(host.delivered_at(0).id);
  ASSERT_TRUE(host.wait_until([&] { return removes == 3; }));
}

TEST_F(QueueTest, WhatIsDoneAndComesBackIsDeletedAndNotDeliveredAgain) {
  remove = [](const Asked& asked, int) {
    return asked.line.find("popreceipt=again") != std::string::npos ? answer("204 No Content", "")
                                                                    : answer("500 Oh", "");
  };
  get = [this](const Asked&, int number) {
    if (number == 1) return one_message("first");
    return removes == 1 ? one_message("again", "2") : no_messages();
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

}  // namespace
}  // namespace cleat::storagequeues
