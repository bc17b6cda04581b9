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
  EXPECT_TRUE(rig.host.wait_until([&] { return create_works(rig); }, 10s));
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

}  // namespace
}  // namespace cleat::redis
