#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "plugins/aws_environment.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/scripted_server.hpp"
#include "sqs_binding.hpp"

namespace cleat::sqs {

struct Asked {
  std::string action, head, body;
};
struct Said {
  std::string body = "{}";
  std::string status = "200 OK";
  std::string headers;
};

inline Said refused(const std::string& code, const std::string& text = "no",
                    const std::string& status = "400 Bad Request") {
  return {R"({"__type":"com.amazonaws.sqs#)" + code + R"(","message":")" + text + "\"}", status};
}

/// The Id of the entry of a batch that has this receipt, if one has.
inline std::string id_of(const Asked& asked, const std::string& receipt) {
  const std::size_t at = asked.body.find("\"" + receipt + "\"");
  return at == std::string::npos ? std::string()
                                 : asked.body.substr(asked.body.rfind("\"Id\":\"", at) + 6, 1);
}

/// That all entries of a batch went well, but for what `failed` says: {"Id":"0",...}.
inline Said confirmed(const Asked& asked, const std::string& but = {}, const std::string& failed = {}) {
  std::string out;
  for (int i = 0; asked.body.find("\"Id\":\"" + std::to_string(i) + "\"") != std::string::npos; ++i) {
    if (std::to_string(i) == but) continue;
    out += (out.empty() ? "" : ",") + (R"({"Id":")" + std::to_string(i)) + R"(","MessageId":"m"})";
  }
  return {R"({"Successful":[)" + out + R"(],"Failed":[)" + failed + "]}"};
}

/// The same, but one has failed.
inline Said failed(const Asked& asked, const std::string& id, const std::string& code, bool is_ours) {
  return confirmed(asked, id,
                   R"({"Id":")" + id + R"(","Code":")" + code + R"(","SenderFault":)" +
                       (is_ours ? "true" : "false") + "}");
}

/// The plugin against a server that knows one queue and answers as the test says; without a word, that all is well. Each
/// request is a note: "ReceiveMessage {...}".
class SqsTest : public ::testing::Test {
 protected:
  SqsTest()
      : server([this](testing::ScriptedServer::Connection& connection) {
          for (Asked asked = read(connection); !asked.action.empty(); asked = read(connection)) {
            const Said said = answer_to(asked);
            connection.write("HTTP/1.1 " + said.status +
                             "\r\nContent-Length: " + std::to_string(said.body.size()) +
                             "\r\nx-amzn-RequestId: id-7\r\n" + said.headers + "\r\n" + said.body);
            connection.note(asked.action + " " + asked.body);
          }
        }) {}

  /// What `action` is answered next, before what always() says.
  void next(const std::string& action, Said said) {
    const std::lock_guard lock(mutex);
    queues[action].push_back(std::move(said));
  }
  void always(const std::string& action, std::function<Said(const Asked&)> how) {
    const std::lock_guard lock(mutex);
    rules[action] = std::move(how);
  }
  static std::string message(const std::string& name, const std::string& group = {}) {
    return R"({"MessageId":"id-)" + name + R"(","ReceiptHandle":"receipt-)" + name + R"(","Body":")" + name +
           R"(","Attributes":{"ApproximateReceiveCount":"2")" +
           (group.empty() ? "" : R"(,"MessageGroupId":")" + group + "\"") + "}}";
  }
  static Said messages(std::initializer_list<std::string> all) {
    std::string out;
    for (const std::string& each : all)
      out += (out.empty() ? "" : ",") + each;
    return {R"({"Messages":[)" + out + "]}"};
  }
  void run(testing::Pairs more = {}, std::uint32_t directions = CLEAT_IN | CLEAT_OUT) {
    testing::Pairs fields{
        {"queueName", "q"},    {"region", "eu-west-1"},         {"endpoint", server.url()},
        {"accessKey", "AKID"}, {"secretKey", "planted-secret"}, {"sessionToken", "planted-token"},
        {"waitTime", "0"},     {"linger", "1000000"},           {"visibilityTimeout", "30000000000"}};
    for (auto& each : more) {
      for (auto& known : fields) {
        if (known.first == each.first) known.second = each.second;
      }
      fields.push_back(each);
    }
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(fields, directions);
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
  bool asked(std::string_view part, std::size_t count = 1) {
    return host.wait_until([&] { return server.count(part) >= count; });
  }

  testing::CleanAwsEnvironment environment;
  std::atomic<int> counted{0};  ///< by a test's own rule
  std::mutex mutex;
  std::map<std::string, std::deque<Said>> queues;
  std::map<std::string, std::function<Said(const Asked&)>> rules;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<SqsBinding>("bindings.aws.sqs");
  testing::ScriptedServer server;
  testing::Driver driver{host, type};

 private:
  static Asked read(testing::ScriptedServer::Connection& connection) {
    Asked asked;
    asked.head = connection.read_until("\r\n\r\n");
    const auto header = [&](const std::string& name) {
      const std::size_t at = asked.head.find("\r\n" + name + ": ");
      if (at == std::string::npos) return std::string();
      const std::size_t begin = at + name.size() + 4;
      return asked.head.substr(begin, asked.head.find("\r\n", begin) - begin);
    };
    const std::string length = header("Content-Length"), target = header("X-Amz-Target");
    if (length.empty() || target.empty()) return asked;
    asked.body = connection.read_bytes(std::stoul(length));
    asked.action = target.substr(target.find('.') + 1);
    return asked;
  }
  Said answer_to(const Asked& asked) {
    std::function<Said(const Asked&)> rule;
    {
      const std::lock_guard lock(mutex);
      std::deque<Said>& queue = queues[asked.action];
      if (!queue.empty()) {
        Said said = queue.front();
        queue.pop_front();
        return said;
      }
      if (rules.count(asked.action) != 0) rule = rules[asked.action];
    }
    if (rule) return rule(asked);
    if (asked.action == "GetQueueUrl") return {R"({"QueueUrl":"http://queue/1/q"})"};
    return asked.action.find("Batch") != std::string::npos ? confirmed(asked) : Said{};
  }
};

}  // namespace cleat::sqs
