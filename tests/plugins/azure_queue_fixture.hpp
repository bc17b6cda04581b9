#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "storagequeues_binding.hpp"

namespace cleat::storagequeues {

using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

inline constexpr const char* kKey = "cGxhbnRlZC1zZWNyZXQ=";

inline std::string no_messages() {
  return answer("200 OK", "<?xml version=\"1.0\"?><QueueMessagesList/>");
}

inline std::string one_message(const std::string& receipt, const std::string& count = "1", int number = 1) {
  return answer(
      "200 OK",
      "<?xml version=\"1.0\"?><QueueMessagesList><QueueMessage><MessageId>m-" + std::to_string(number) +
          "</MessageId><InsertionTime>Sun, 06 Nov 1994 08:49:37 GMT</InsertionTime>"
          "<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>" +
          receipt +
          "</PopReceipt><TimeNextVisible>Sun, 06 Nov 1994 08:50:07 GMT</TimeNextVisible><DequeueCount>" +
          count + "</DequeueCount><MessageText>body</MessageText></QueueMessage></QueueMessagesList>");
}

/// What the service says of a message that was put.
inline std::string put_answer_body() {
  return "<QueueMessagesList><QueueMessage><MessageId>m-1</MessageId></QueueMessage></QueueMessagesList>";
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
    if (asked.line.find("?comp=metadata") != std::string::npos) return look(asked, ++looks);
    if (begins("GET ")) return get(asked, ++gets);
    if (begins("DELETE ")) return remove(asked, ++removes);
    if (begins("PUT ") && asked.line.find("/messages/") != std::string::npos) return change(asked, ++changes);
    return begins("PUT ") ? answer("201 Created", "") : put(asked, ++puts);
  }
  void run(std::uint32_t directions, const Pairs& more = {}, const Window& window = {64, 0, 0}) {
    if (!server) serve();
    Pairs fields{{"accountName", "acct"},
                 {"accountKey", kKey},
                 {"endpoint", server->url()},
                 {"queueName", "orders"},
                 {"visibilityTimeout", "4000000000"},
                 {"pollingInterval", "100000000"}};
    fields.insert(fields.begin(), more.begin(), more.end());
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(fields, directions);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
    if ((directions & CLEAT_IN) != 0) driver.begin_input(window);
  }
  std::string init_error(const Pairs& fields) {
    if (!is_made) driver.create();
    is_made = true;
    return driver.init(fields, CLEAT_IN | CLEAT_OUT).text;
  }

  std::atomic<int> gets = 0, removes = 0, changes = 0, puts = 0, looks = 0;
  Kind look = [](const Asked&, int) { return answer("200 OK", "", "x-ms-request-id: r-1\r\n"); };
  Kind get = [](const Asked&, int number) { return number == 1 ? one_message("first") : no_messages(); };
  Kind remove = [](const Asked&, int) { return answer("204 No Content", ""); };
  Kind change = [](const Asked&, int number) {
    return answer("204 No Content", "", "x-ms-popreceipt: receipt-" + std::to_string(number) + "\r\n");
  };
  Kind put = [](const Asked&, int) { return answer("201 Created", put_answer_body()); };
  bool is_made = false;
  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<StorageQueuesBinding>("bindings.azure.storagequeues");
  testing::Driver driver{host, type};
};

}  // namespace cleat::storagequeues
