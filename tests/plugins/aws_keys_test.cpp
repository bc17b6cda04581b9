#include "common/aws/keys.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/aws/key_cache.hpp"
#include "common/deadlines.hpp"
#include "common/on_loop.hpp"
#include "plugins/aws_environment.hpp"
#include "plugins/scripted_server.hpp"

namespace cleat::aws {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedServer;

std::string answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nContent-Type: application/json\r\n\r\n" + std::string(body);
}

std::string time_text(std::chrono::seconds from_now) {
  const std::time_t when = std::time(nullptr) + from_now.count();
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string keys_json(const std::string& id, std::chrono::seconds lasting) {
  return R"({"Code":"Success","Type":"AWS-HMAC","AccessKeyId":")" + id +
         R"(","SecretAccessKey":"secret-of-)" + id + R"(","Token":"token-of-)" + id + R"(","Expiration":")" +
         time_text(lasting) + R"("})";
}

class AwsKeys : public ::testing::Test {
 protected:
  /// What the source of `options` gives; the text in `why` if it is nothing.
  KeysPtr fetch(const KeyOptions& options = {}) {
    const std::unique_ptr<KeySource> source = KeySource::make(options);
    std::promise<std::pair<KeysPtr, std::string>> promise;
    source->fetch([&](KeysPtr keys, const std::string& text) { promise.set_value({std::move(keys), text}); });
    auto [keys, text] = promise.get_future().get();
    why = text;
    return keys;
  }
  testing::CleanAwsEnvironment environment;
  std::string why;
};

TEST_F(AwsKeys, AreThoseOfTheComponent) {
  const KeysPtr keys = fetch({"id", "secret", "token"});
  EXPECT_EQ(keys->id, "id");
  EXPECT_EQ(keys->secret, "secret");
  EXPECT_EQ(keys->token, "token");
  EXPECT_EQ(keys->expires_at_s, kNeverExpires);
}

TEST_F(AwsKeys, AreThoseOfTheEnvironment) {
  environment.set("AWS_ACCESS_KEY_ID", "env-id");
  environment.set("AWS_SECRET_ACCESS_KEY", "env-secret");
  environment.set("AWS_SESSION_TOKEN", "env-token");
  const KeysPtr keys = fetch();
  ASSERT_TRUE(keys) << why;
  EXPECT_EQ(keys->id, "env-id");
  EXPECT_EQ(keys->token, "env-token");
}

TEST_F(AwsKeys, AreThoseOfTheProfileAsItsFileIsNow) {
  environment.write("credentials", "[default]\naws_access_key_id = one\naws_secret_access_key = s\n");
  const std::unique_ptr<KeySource> source = KeySource::make({});
  const auto ask = [&] {
    std::promise<KeysPtr> promise;
    source->fetch([&](KeysPtr keys, const std::string&) { promise.set_value(std::move(keys)); });
    return promise.get_future().get();
  };
  ASSERT_TRUE(ask());
  EXPECT_EQ(ask()->id, "one");
  environment.write("credentials", "[default]\naws_access_key_id = two\naws_secret_access_key = s\n");
  EXPECT_EQ(ask()->id, "two");
}

TEST_F(AwsKeys, AreThoseOfAProcess) {
  environment.write("config",
                    "[default]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"process-id\","
                    "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\"Expiration\":\"" +
                        time_text(1h) + "\"}'\n");
  const KeysPtr keys = fetch();
  ASSERT_TRUE(keys) << why;
  EXPECT_EQ(keys->id, "process-id");
  EXPECT_NE(keys->expires_at_s, kNeverExpires);
}

TEST_F(AwsKeys, AreThoseOfTheContainer) {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    for (std::string head = connection.read_until("\r\n\r\n"); !head.empty();
         head = connection.read_until("\r\n\r\n")) {
      connection.note(head);
      connection.write(answer("200 OK", keys_json("container-id", 1h)));
    }
  });
  environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/keys");
  environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", environment.write("pod-token", "of-the-pod"));
  const KeysPtr keys = fetch();
  ASSERT_TRUE(keys) << why;
  EXPECT_EQ(keys->id, "container-id");
  EXPECT_EQ(keys->token, "token-of-container-id");
  EXPECT_EQ(server.count("GET /keys "), 1U);
  EXPECT_EQ(server.count("of-the-pod"), 1U);
}

/// IMDSv2: a token first, then the role's name, then its keys.
void serve_instance(ScriptedServer::Connection& connection, const std::function<std::string()>& keys) {
  for (std::string head = connection.read_until("\r\n\r\n"); !head.empty();
       head = connection.read_until("\r\n\r\n")) {
    connection.note(head);
    const bool has_token = head.find("session-token") != std::string::npos;
    if (head.find("PUT /latest/api/token") == 0) {
      connection.write(answer("200 OK", "session-token"));
    } else if (!has_token) {
      connection.write(answer("401 Unauthorized", ""));
    } else if (head.find("/security-credentials/role") != std::string::npos) {
      connection.write(answer("200 OK", keys()));
    } else {
      connection.write(answer("200 OK", "role"));
    }
  }
}

TEST_F(AwsKeys, AreThoseOfTheInstanceByASessionToken) {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    serve_instance(connection, [] { return keys_json("imds-id", 6h); });
  });
  environment.unset("AWS_EC2_METADATA_DISABLED");
  environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url());
  const KeysPtr keys = fetch();
  ASSERT_TRUE(keys) << why;
  EXPECT_EQ(keys->id, "imds-id");
  EXPECT_GE(server.count("PUT /latest/api/token"), 1U);
  EXPECT_EQ(server.count("GET /latest/meta-data/iam/security-credentials/role"), 1U);
}

TEST_F(AwsKeys, AreNoneWhereTheMachineHasNone) {
  EXPECT_FALSE(fetch());
  EXPECT_FALSE(why.empty());
}

/// Gives what the test says, on a thread of its own, when the test says so.
class ScriptedSource : public KeySource {
 public:
  void fetch(Got got) override {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(got));
    ++asked;
  }
  bool answer_with(const KeysPtr& keys, const std::string& why = {}) {
    const std::lock_guard lock(mutex);
    if (waiting.empty()) return false;
    Got got = std::move(waiting.back());
    waiting.pop_back();
    std::thread([&] { got(keys, why); }).join();
    return true;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return asked;
  }
  std::mutex mutex;
  std::vector<Got> waiting;
  std::size_t asked = 0;
};

KeysPtr keys_lasting(const std::string& id, std::chrono::seconds time) {
  return std::make_shared<const Keys>(
      Keys{id, "s", "t", static_cast<std::uint64_t>(std::time(nullptr) + time.count())});
}

class AwsKeyCache : public ::testing::Test {
 protected:
  AwsKeyCache() {
    auto made = std::make_unique<ScriptedSource>();
    source = made.get();
    // No test lasts until a question that failed is asked again.
    cache.emplace(loop, std::move(made), common::BackOff(1h, 1h));
    loop.start();
  }
  ~AwsKeyCache() override { loop.stop(); }
  void on_loop(const std::function<void()>& task) {
    EXPECT_TRUE(common::run_and_wait(loop, {common::ns_after(std::chrono::seconds(30))}, task));
  }
  /// The id of what is there now, or what is said, or "(waits)".
  std::string look() {
    const auto found = std::make_shared<std::string>("(waits)");
    on_loop([&] {
      cache->get(kNever, [found](const KeysPtr& keys, const common::ServiceFailure* failure) {
        *found = keys ? keys->id : failure->text;
      });
    });
    std::string copy;
    on_loop([&] { copy = *found; });
    return copy;
  }
  struct Told {
    cleat_status status = CLEAT_OK;
    bool is_retryable = false;
    std::string text;
  };
  /// On the loop. Asks for keys that nobody gives.
  void wait_for(std::uint64_t deadline_ns, std::vector<Told>& told) {
    cache->get(deadline_ns, [&told](const KeysPtr&, const common::ServiceFailure* failure) {
      told.push_back({failure->status, failure->is_retryable, failure->text});
    });
  }
  static constexpr std::uint64_t kNever = INT64_MAX;
  common::EventLoop loop;
  ScriptedSource* source = nullptr;
  std::optional<KeyCache> cache;
};

TEST_F(AwsKeyCache, AsksOnceForAllWhoWait) {
  std::vector<std::string> got;
  on_loop([&] {
    for (int i = 0; i < 3; ++i)
      cache->get(kNever,
                 [&](const KeysPtr& keys, const common::ServiceFailure*) { got.push_back(keys->id); });
  });
  EXPECT_EQ(source->count(), 1U);
  ASSERT_TRUE(source->answer_with(keys_lasting("a", 1h)));
  on_loop([] {});
  on_loop([&] { EXPECT_EQ(got, (std::vector<std::string>{"a", "a", "a"})); });
  EXPECT_EQ(look(), "a");
  EXPECT_EQ(source->count(), 1U);
}

TEST_F(AwsKeyCache, GoesOnWithWhatItHasWhileItAsksForNew) {
  EXPECT_EQ(look(), "(waits)");
  source->answer_with(keys_lasting("old", 100s));
  EXPECT_EQ(look(), "old");  // it expires soon: the question is on its way
  EXPECT_EQ(source->count(), 2U);
  source->answer_with(nullptr, "the source is down");
  EXPECT_EQ(look(), "old");
  EXPECT_EQ(source->count(), 2U);  // not at once again
}

TEST_F(AwsKeyCache, AsksAgainWhenKeysAreRefused) {
  EXPECT_EQ(look(), "(waits)");
  const KeysPtr first = keys_lasting("first", 1h);
  source->answer_with(first);
  EXPECT_EQ(look(), "first");
  on_loop([&] {
    cache->refused(first);
    cache->refused(first);
  });
  EXPECT_EQ(source->count(), 2U);
  source->answer_with(keys_lasting("second", 1h));
  on_loop([] {});
  EXPECT_EQ(look(), "second");
  on_loop([&] { cache->refused(first); });  // of long ago
  EXPECT_EQ(source->count(), 2U);
}

TEST_F(AwsKeyCache, SaysWhyThereAreNone) {
  EXPECT_EQ(look(), "(waits)");
  source->answer_with(nullptr, "nobody there");
  on_loop([] {});
  EXPECT_EQ(look(), "no AWS credentials: nobody there");
  EXPECT_EQ(source->count(), 1U);
}

TEST_F(AwsKeyCache, LetsSoManyWait) {
  std::vector<Told> told;
  on_loop([&] {
    for (int i = 0; i < 4096; ++i)
      wait_for(kNever, told);
    EXPECT_TRUE(told.empty());
    wait_for(kNever, told);
  });
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].status, CLEAT_THROTTLED);
  EXPECT_TRUE(told[0].is_retryable);
  EXPECT_EQ(told[0].text, "4096 requests wait for AWS credentials, more may not");
  ASSERT_TRUE(source->answer_with(nullptr, "nobody there"));
  on_loop([] {});
  EXPECT_EQ(told.size(), 4097U);
}

TEST_F(AwsKeyCache, HasRoomAgainWhenTheTimeOfThoseWhoWaitIsOver) {
  std::vector<Told> told;
  on_loop([&] {
    for (int i = 0; i < 4096; ++i)
      wait_for(1, told);  // long ago
  });
  std::size_t count = 0;
  while (count < 4096)
    on_loop([&] { count = told.size(); });
  EXPECT_EQ(told[0].status, CLEAT_TIMEOUT);
  EXPECT_EQ(look(), "(waits)");
  ASSERT_TRUE(source->answer_with(keys_lasting("late", 1h)));
  on_loop([] {});
  EXPECT_EQ(told.size(), 4096U);
  EXPECT_EQ(look(), "late");
}

TEST_F(AwsKeyCache, DropsAnAnswerThatComesAfterTheEnd) {
  std::vector<Told> told;
  on_loop([&] { wait_for(kNever, told); });
  on_loop([&] { cache->close(); });
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].status, CLEAT_CANCELLED);
  EXPECT_EQ(told[0].text, "the component stopped before there were AWS credentials");
  source->answer_with(keys_lasting("late", 1h));
  on_loop([] {});
}

}  // namespace
}  // namespace cleat::aws
