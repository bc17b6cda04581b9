#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint_store.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"

namespace cleat::eventhubs {
namespace {

using namespace std::chrono_literals;
using kafka::FirstStart;
using testing::answer;
using testing::Asked;
using testing::ScriptedServer;

std::string no_body(std::string_view status, std::string_view headers) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n" + std::string(headers) + "\r\n";
}

std::string missing(const std::string& code) {
  return no_body("404 no", "x-ms-error-code: " + code + "\r\n");
}

/// A store at a server that answers each request by what stands in `answers` for the partition.
class CheckpointStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    place.account = {"acct", server.url() + "/acct", "secret", "", {}};
    place.container = "box";
    place.folder = "shop.servicebus.windows.net/orders/$default/checkpoint/";
    store.emplace(Host(host.table()), place);
  }
  void TearDown() override { store.reset(); }

  std::map<kafka::PartitionKey, FirstStart> ask(const std::vector<std::int32_t>& partitions,
                                                std::chrono::milliseconds within = 30s) {
    std::vector<kafka::PartitionKey> keys;
    for (const std::int32_t partition : partitions)
      keys.emplace_back("orders", partition);
    return store->starts(keys, std::chrono::steady_clock::now() + within);
  }
  FirstStart ask_one(std::int32_t partition, std::chrono::milliseconds within = 30s) {
    return ask({partition}, within).at({"orders", partition});
  }
  void answers(std::int32_t partition, std::string text) {
    const std::lock_guard lock(mutex);
    by_partition[partition] = std::move(text);
  }

  std::mutex mutex;
  std::map<std::int32_t, std::string> by_partition;  ///< empty: no answer comes
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  ScriptedServer server{[this](ScriptedServer::Connection& connection) {
    while (const Asked asked = testing::read_request(connection)) {
      const std::size_t at = asked.line.find("/checkpoint/") + 12;
      std::string text;
      {
        const std::lock_guard lock(mutex);
        text = by_partition[std::stoi(asked.line.substr(at))];
      }
      if (text.empty()) server.wait_for("go on", 1);
      connection.write(text.empty() ? no_body("200 OK", "x-ms-meta-sequencenumber: 4\r\n") : text);
    }
  }};
  CheckpointPlace place;
  std::optional<CheckpointStore> store;
};

TEST_F(CheckpointStoreTest, ReadingBeginsBehindTheCheckpoint) {
  answers(0, no_body("200 OK", "x-ms-meta-offset: 99\r\nX-Ms-Meta-SequenceNumber: 41\r\n"));
  answers(1, missing("BlobNotFound"));
  const auto found = ask({0, 1});
  EXPECT_EQ(found.at({"orders", 0}).offset, 42);
  EXPECT_FALSE(found.at({"orders", 1}).offset);
  EXPECT_TRUE(found.at({"orders", 1}).failure.empty()) << found.at({"orders", 1}).failure;
  EXPECT_EQ(server.count("HEAD /acct/box/shop.servicebus.windows.net/orders/%24default/checkpoint/0 "), 1U);
  EXPECT_EQ(server.count("Authorization: SharedKey acct:"), 2U);
}

TEST_F(CheckpointStoreTest, AContainerThatIsNotThereIsSaidOnce) {
  answers(0, missing("ContainerNotFound"));
  answers(1, missing("ContainerNotFound"));
  EXPECT_TRUE(ask({0, 1}).at({"orders", 0}).failure.empty());
  const auto lines = host.log();
  EXPECT_EQ(
      std::count_if(lines.begin(), lines.end(),
                    [](const auto& line) { return line.message.find("there is no container 'box'") == 0; }),
      1);
}

TEST_F(CheckpointStoreTest, WhatSaysNothingAboutACheckpointIsAFailure) {
  const std::vector<std::string> all{no_body("404 no", ""),  // not of the service
                                     missing("ResourceNotFound"),
                                     no_body("403 no", "x-ms-error-code: AuthorizationFailure\r\n"),
                                     no_body("503 busy", "x-ms-error-code: ServerBusy\r\n"),
                                     no_body("200 OK", ""),
                                     no_body("200 OK", "x-ms-meta-sequencenumber: \r\n"),
                                     no_body("200 OK", "x-ms-meta-sequencenumber: -1\r\n"),
                                     no_body("200 OK", "x-ms-meta-sequencenumber: 12x\r\n"),
                                     no_body("200 OK", "x-ms-meta-sequencenumber: 9223372036854775807\r\n")};
  std::vector<std::int32_t> partitions;
  for (std::size_t i = 0; i < all.size(); ++i) {
    partitions.push_back(static_cast<std::int32_t>(i));
    answers(partitions.back(), all[i]);
  }
  for (const auto& [key, start] : ask(partitions)) {
    EXPECT_FALSE(start.offset) << key.second;
    EXPECT_FALSE(start.failure.empty()) << all[static_cast<std::size_t>(key.second)];
  }
  EXPECT_NE(ask_one(2).failure.find("AuthorizationFailure"), std::string::npos) << ask_one(2).failure;
}

TEST_F(CheckpointStoreTest, AfterAFailureItIsAskedAgainLater) {
  answers(0, no_body("503 busy", "x-ms-error-code: ServerBusy\r\n"));
  const std::string why = ask_one(0).failure;
  EXPECT_NE(why.find("ServerBusy"), std::string::npos) << why;
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(ask_one(0).failure, why);
  EXPECT_LT(server.count("HEAD"), 25U);
  answers(0, no_body("200 OK", "x-ms-meta-sequencenumber: 7\r\n"));
  EXPECT_TRUE(host.wait_until([&] { return ask_one(0).offset == 8; }));
}

TEST_F(CheckpointStoreTest, AnAnswerThatComesLateIsThereForTheNextCall) {
  EXPECT_EQ(ask_one(0, 1ms).failure, "the storage account has not answered yet");
  server.note("go on");
  EXPECT_EQ(ask_one(0).offset, 5);
  EXPECT_EQ(server.count("HEAD"), 1U);
}

TEST_F(CheckpointStoreTest, AStopEndsTheWaiting) {
  auto waiting = std::async(std::launch::async, [this] { return ask_one(0, 10min); });
  server.wait_for("HEAD", 1);
  store->stop();
  EXPECT_FALSE(waiting.get().failure.empty());
  EXPECT_EQ(ask_one(1).failure, "the component stops") << "who was not asked did not say that there is none";
  server.note("go on");
}

}  // namespace
}  // namespace cleat::eventhubs
