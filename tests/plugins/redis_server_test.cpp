#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>

#include "plugins/redis_fixture.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

bool create_works(Rig& rig) {
  const auto& call = rig.plugin.invoke("create", "v", {{"key", "k"}});
  return rig.host.wait_until([&] { return rig.host.completion(call).done; }) &&
         rig.host.completion(call).status == CLEAT_OK;
}

// A name that follows the master leads to it only with a new connection.
TEST(Role, OfAReplicaEndsTheConnection) {
  FakeRedis redis([](const FakeRedis::Words& words, FakeRedis::Connection& on) -> std::string {
    if (words[0] == "SET" && on.number == 1)
      return "-READONLY You can't write against a read only replica.\r\n";
    return FakeRedis::usual;
  });
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  EXPECT_FALSE(create_works(rig));
  EXPECT_TRUE(rig.host.wait_until([&] { return create_works(rig); }));
}

// Until the name leads elsewhere each connection ends like this, though reads are answered: that must not become a storm of them.
TEST(Role, OfAReplicaIsAskedForLessAndLessOften) {
  FakeRedis redis([](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "SET") return "-READONLY You can't write against a read only replica.\r\n";
    return words[0] == "GET" ? "$1\r\nv\r\n" : FakeRedis::usual;
  });
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}}).status, CLEAT_OK);
  const Clock::time_point began = Clock::now();
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] {
    rig.plugin.invoke("get", {}, {{"key", "k"}});
    create_works(rig);
    return redis.server().connections() >= 6;
  }));
  EXPECT_GT(Clock::now() - began, 1400ms) << "five waits, of 50, 100, 200, 400 and 800 ms at least";
}

// Writes are refused while a dump cannot be saved, and PING is by the same rule: what reads is served.
TEST(Handshake, ServesWhoCannotSave) {
  FakeRedis redis([](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "PING") return "-MISCONF Redis is configured to save RDB snapshots\r\n";
    return words[0] == "GET" ? "$1\r\nv\r\n" : FakeRedis::usual;
  });
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  const auto& call = rig.plugin.invoke("get", {}, {{"key", "k"}});
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.completion(call).done; }));
  EXPECT_EQ(rig.host.completion(call).status, CLEAT_OK) << rig.host.completion(call).text;
}

// What a server says unasked to whom it will not have arrives as the answer of the handshake.
TEST(Handshake, BelievesARefusal) {
  FakeRedis redis([](const FakeRedis::Words&, FakeRedis::Connection&) -> std::string {
    return "-ERR max number of clients reached\r\n";
  });
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_NE(rig.host.health().second.find("max number of clients"), std::string::npos);
}

TEST(Handshake, RepeatsNoPassword) {
  FakeRedis redis([](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] != "AUTH") return FakeRedis::usual;
    return "-ERR unknown command 'AUTH', with args beginning with: '" + words[1] + "' \r\n";
  });
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}, {"redisPassword", "planted"}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_NE(rig.host.health().second.find("unknown command 'AUTH'"), std::string::npos)
      << rig.host.health().second;
  EXPECT_EQ(rig.host.health().second.find("planted"), std::string::npos) << rig.host.health().second;
}

TEST(Reply, ThatNobodyAskedForEndsNothing) {
  FakeRedis redis([](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    return words[0] == "SET" ? "+OK\r\n+OK\r\n" : FakeRedis::usual;
  });
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  EXPECT_TRUE(rig.host.wait_until([&] { return create_works(rig); }));
  EXPECT_TRUE(create_works(rig));
}

std::string all_slots_at(const FakeRedis& node) {
  const std::string port = node.address().substr(node.address().find(':') + 1);
  return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" + FakeRedis::bulk("127.0.0.1") + ":" + port + "\r\n";
}

// It has the majority against it and another master in its place, and its connections stay; its own table knows nothing of it.
TEST(ClusterTable, IsNotTakenFromANodeThatIsCutOff) {
  std::atomic<bool> is_cut_off = false;
  FakeRedis *first = nullptr, *second = nullptr;
  FakeRedis old_master([&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "SET" && is_cut_off) return "-CLUSTERDOWN The cluster is down\r\n";
    return words[0] == "CLUSTER" ? all_slots_at(*first) : FakeRedis::usual;
  });
  FakeRedis new_master([&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    return words[0] == "CLUSTER" ? all_slots_at(is_cut_off ? *second : *first) : FakeRedis::usual;
  });
  first = &old_master;
  second = &new_master;
  Rig rig;
  ASSERT_EQ(
      rig.init({{"redisHost", first->address() + "," + second->address()}, {"redisType", "cluster"}}).status,
      CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return create_works(rig); }));
  ASSERT_TRUE(rig.host.wait_until([&] { return second->server().count("PING") >= 1; }));
  is_cut_off = true;
  EXPECT_TRUE(rig.host.wait_until([&] { return create_works(rig); }));
  EXPECT_GE(second->server().count("SET"), 1U);
}

// Nobody need say a word against a node for another one to have its slots.
TEST(ClusterTable, IsLookedAtNowAndThen) {
  std::atomic<bool> has_moved = false;
  FakeRedis *first = nullptr, *second = nullptr;
  const auto script = [&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    return words[0] == "CLUSTER" ? all_slots_at(has_moved ? *second : *first) : FakeRedis::usual;
  };
  FakeRedis old_master(script), new_master(script);
  first = &old_master;
  second = &new_master;
  Rig rig;
  ASSERT_EQ(
      rig.init({{"redisHost", first->address() + "," + second->address()}, {"redisType", "cluster"}}).status,
      CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return create_works(rig); }));
  has_moved = true;
  EXPECT_TRUE(rig.host.wait_until([&] { return create_works(rig) && second->server().count("SET") != 0; }));
}

// Nothing comes back while the calls go on: what piles up on this side is no sign of the other one.
TEST(Silence, IsNoticedWhileCallsGoOn) {
  FakeRedis* far_end = nullptr;
  FakeRedis redis([&](const FakeRedis::Words& words, FakeRedis::Connection& on) -> std::string {
    if (words[0] != "SET" || on.number != 1) return FakeRedis::usual;
    far_end->server().wait_for("the test is over", 1);
    return FakeRedis::hang_up;
  });
  far_end = &redis;
  Rig rig;
  ASSERT_EQ(rig.init({{"redisHost", redis.address()}, {"readTimeout", "1000000000"}}).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return redis.server().count("PING") >= 1; }));
  rig.plugin.invoke("create", "v", {{"key", "k"}});
  const auto& more_than_it_takes = rig.plugin.invoke("create", std::string(300'000, 'v'), {{"key", "k"}});
  EXPECT_TRUE(rig.host.wait_until(
      [&] {
        rig.plugin.invoke("create", "v", {{"key", "k"}});
        return rig.host.completion(more_than_it_takes).done;
      },
      25s))
      << "and not by the end of its time";
  redis.server().note("the test is over");
}

}  // namespace
}  // namespace cleat::redis
