#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "common/base64.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "pubsub_binding.hpp"

namespace cleat::pubsub {

struct Said {
  std::string body = "{}";
  std::string status = "200 OK";
  std::string headers;
};

inline Said refused(const std::string& status, const std::string& code, const std::string& text = "no",
                    const std::string& details = "[]") {
  return {R"({"error":{"code":1,"message":")" + text + R"(","status":")" + code + R"(","details":)" +
              details + "}}",
          status};
}

/// As a subscription that delivers exactly once tells of ids: "a": "PERMANENT_FAILURE_INVALID_ACK_ID", ...
inline Said refused_ids(const std::string& reasons) {
  return refused(
      "400 Bad Request", "FAILED_PRECONDITION", "Some acknowledgement ids failed",
      R"([{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"EXACTLY_ONCE_ACKID_FAILURE",)"
      R"("domain":"pubsub.googleapis.com","metadata":{)" +
          reasons + "}}]");
}

/// The plugin against a server that knows one topic and one subscription and answers as the test says; without a word, that
/// all is well. Each request is a note, after its answer: "publish {...}".
class PubSubTest : public ::testing::Test {
 protected:
  PubSubTest()
      : server([this](testing::ScriptedServer::Connection& connection) {
          while (const testing::Asked asked = testing::read_request(connection)) {
            const std::string action = action_of(asked.line);
            const Said said = answer_to(action, asked.body);
            connection.write(testing::answer(said.status, said.body, said.headers));
            connection.note("did " + action + " " + asked.body);
          }
        }) {
    ::setenv("PUBSUB_EMULATOR_HOST", server.url().substr(7).c_str(), 1);
  }
  ~PubSubTest() override { ::unsetenv("PUBSUB_EMULATOR_HOST"); }

  using Rule = std::function<Said(const std::string& body)>;
  /// What `action` is answered next, before what always() says. Actions are "topics", "subscriptions", "publish", "pull",
  /// "acknowledge", "modifyAckDeadline" and "token".
  void next(const std::string& action, Said said) {
    const std::lock_guard lock(mutex);
    queues[action].push_back(std::move(said));
  }
  void always(const std::string& action, Rule how) {
    const std::lock_guard lock(mutex);
    rules[action] = std::move(how);
  }
  static std::string message(const std::string& name, const std::string& key = {}) {
    return R"({"ackId":"ack-)" + name + R"(","message":{"data":")" + common::base64(name) +
           R"(","messageId":"id-)" + name + R"(","publishTime":"2026-11-28T19:03:06.050Z")" +
           (key.empty() ? "" : R"(,"orderingKey":")" + key + "\"") + "}}";
  }
  static Said messages(std::initializer_list<std::string> all) {
    std::string out;
    for (const std::string& each : all)
      out += (out.empty() ? "" : ",") + each;
    return {R"({"receivedMessages":[)" + out + "]}"};
  }
  /// What the subscription is like: with `ackDeadlineSeconds` 10 unless the members say more.
  void subscription_is(const std::string& members) {
    always("subscriptions", [members](const std::string&) { return Said{"{" + members + "}"}; });
  }
  /// An empty value takes a field away.
  void run(const testing::Pairs& more = {}, std::uint32_t directions = CLEAT_IN | CLEAT_OUT) {
    std::map<std::string, std::string> fields{
        {"topic", "orders"}, {"subscription", "shop"}, {"projectID", "p-1"}, {"linger", "1000000"}};
    for (const auto& [name, value] : more)
      fields[name] = value;
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init({fields.begin(), fields.end()}, directions);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  testing::Completion done(const testing::Completion& call) {
    EXPECT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
    return host.completion(call);
  }
  bool delivered(std::size_t count) {
    return host.wait_until([&] { return host.delivered_count() >= count; });
  }
  /// Waits until so many requests with `part` have been answered.
  bool did(const std::string& part, std::size_t count = 1) {
    return host.wait_until([&] { return server.count("did " + part) >= count; });
  }
  bool is_down(const std::string& part) {
    return host.wait_until([&] {
      return host.health().first == CLEAT_HEALTH_DOWN && host.health().second.find(part) != std::string::npos;
    });
  }
  bool is_up() {
    return host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; });
  }
  void pass(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    host.wait_until([&] { return std::chrono::steady_clock::now() > until; });
  }

  std::atomic<int> counted{0};  ///< by a test's own rule
  std::mutex mutex;
  std::map<std::string, std::deque<Said>> queues;
  std::map<std::string, Rule> rules;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<PubSubBinding>("bindings.gcp.pubsub");
  testing::ScriptedServer server;
  testing::Driver driver{host, type};

 private:
  /// Of "POST /v1/projects/p-1/topics/orders:publish HTTP/1.1".
  static std::string action_of(const std::string& line) {
    const std::string path = line.substr(0, line.rfind(' '));
    const std::size_t colon = path.find(':');
    if (colon != std::string::npos) return path.substr(colon + 1);
    if (path.find(" /token") != std::string::npos) return "token";
    return path.find("/topics/") != std::string::npos ? "topics" : "subscriptions";
  }
  Said answer_to(const std::string& action, const std::string& body) {
    Rule rule;
    {
      const std::lock_guard lock(mutex);
      std::deque<Said>& queue = queues[action];
      if (!queue.empty()) {
        Said said = queue.front();
        queue.pop_front();
        return said;
      }
      if (rules.count(action) != 0) rule = rules[action];
    }
    if (rule) return rule(body);
    if (action == "token") return {R"({"access_token":"planted-token","expires_in":3600})"};
    if (action == "subscriptions") return {R"({"ackDeadlineSeconds":10})"};
    if (action != "publish") return {};
    std::string ids;
    for (std::size_t at = body.find("\"data\""); at != std::string::npos; at = body.find("\"data\"", at + 1))
      ids += (ids.empty() ? "\"" : ",\"") +
             common::from_base64(body.substr(at + 8, body.find('"', at + 8) - at - 8)).value_or("?") + "\"";
    return {R"({"messageIds":[)" + ids + "]}"};
  }
};

}  // namespace cleat::pubsub
