#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "plugins/redis_fixture.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// One entry for the first read of what is new; the rest as usual.
std::string one_entry(const FakeRedis::Words& words, std::atomic<bool>& is_given) {
  if (words[0] == "XREADGROUP" && words.back() == ">" && !is_given.exchange(true))
    return FakeRedis::entry("s", "1700000000000-0", "x");
  return FakeRedis::usual;
}

testing::Pairs fields(const FakeRedis& redis, const std::string& min_idle) {
  return {{"redisHost", redis.address()}, {"stream", "s"},       {"consumerGroup", "g"},
          {"consumerID", "one"},          {"minIdle", min_idle}, {"readTimeout", "0"}};
}

// Far from a third of minIdle: nobody knows how long the connection was away, and how long this one stays.
TEST(Lease, IsRenewedByEachConnection) {
  std::atomic<bool> is_given = false, has_hung_up = false;
  FakeRedis redis([&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "SET" && !has_hung_up.exchange(true)) return FakeRedis::hang_up;
    return one_entry(words, is_given);
  });
  Rig rig;
  ASSERT_EQ(rig.init(fields(redis, "3600000000000"), CLEAT_IN | CLEAT_OUT).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.delivered_count() == 1; }));
  ASSERT_EQ(redis.server().count("XCLAIM s g one 0 1700000000000-0 JUSTID"), 0U);
  rig.plugin.invoke("create", "v", {{"key", "k"}});
  EXPECT_TRUE(rig.host.wait_until(
      [&] { return redis.server().count("XCLAIM s g one 0 1700000000000-0 JUSTID") >= 1; }));
}

// The lease ends between two times at which it would be renewed. From then on the entry may be with another consumer, and
// must not be taken away from it.
TEST(Lease, ThatIsOverIsNotGivenBack) {
  std::atomic<bool> is_given = false;
  FakeRedis* far_end = nullptr;
  FakeRedis redis([&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "PING") far_end->server().wait_for("go", 1);
    if (words[0] == "XCLAIM") return "-ERR not now\r\n";
    return one_entry(words, is_given);
  });
  far_end = &redis;
  Rig rig;
  ASSERT_EQ(rig.init(fields(redis, "3000000000"), CLEAT_IN | CLEAT_OUT).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.begin_input().status, CLEAT_OK);
  const Clock::time_point began = Clock::now();
  ASSERT_TRUE(rig.host.wait_until([&] { return Clock::now() > began + 300ms; }));
  redis.server().note("go");
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.delivered_count() == 1; }));
  const Clock::time_point is_over = Clock::now() + 3s;  // it was asked for before
  ASSERT_TRUE(rig.host.wait_until([&] { return Clock::now() > is_over; }));
  const std::uint64_t event = rig.host.delivered_at(0).id;
  ASSERT_TRUE(rig.plugin.settle(event, CLEAT_REQUEUE));
  ASSERT_EQ(rig.plugin.ping().status, CLEAT_OK);
  EXPECT_EQ(redis.server().count("IDLE"), 0U);
}

// Not when the next renewal would be due: that is a third of minIdle, in which two work on it.
TEST(Lease, IsWithdrawnWhenItEnds) {
  std::atomic<bool> is_given = false;
  FakeRedis* far_end = nullptr;
  FakeRedis redis([&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "PING") far_end->server().wait_for("go", 1);
    if (words[0] == "XCLAIM") return "-ERR not now\r\n";
    return one_entry(words, is_given);
  });
  far_end = &redis;
  Rig rig;
  ASSERT_EQ(rig.init(fields(redis, "12000000000"), CLEAT_IN | CLEAT_OUT).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.begin_input().status, CLEAT_OK);
  const Clock::time_point began = Clock::now();
  ASSERT_TRUE(rig.host.wait_until([&] { return Clock::now() > began + 200ms; }));
  redis.server().note("go");
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.delivered_count() == 1; }));
  const Clock::time_point delivered = Clock::now();
  ASSERT_TRUE(rig.host.wait_until([&] { return !rig.host.withdrawn().empty(); }));
  EXPECT_LT(Clock::now() - delivered, 15s) << "it was to be renewed next after 16 s";
}

// The connection broke just now, and the next one is being made: there is time for what it owes.
TEST(Stop, WaitsForAConnectionThatIsMade) {
  std::atomic<bool> is_given = false, has_hung_up = false;
  FakeRedis* far_end = nullptr;
  FakeRedis redis([&](const FakeRedis::Words& words, FakeRedis::Connection& on) -> std::string {
    if (words[0] == "XACK" && !has_hung_up.exchange(true)) return FakeRedis::hang_up;
    if (words[0] == "PING" && on.number > 2) far_end->server().wait_for("go", 1);
    return one_entry(words, is_given);
  });
  far_end = &redis;
  Rig rig;
  ASSERT_EQ(rig.init(fields(redis, "3600000000000"), CLEAT_IN).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.delivered_count() == 1; }));
  ASSERT_EQ(rig.plugin.settle_all(), 1U);
  ASSERT_TRUE(rig.host.wait_until([&] { return redis.server().connections() >= 3; }));
  EXPECT_EQ(rig.plugin.end_input().status, CLEAT_OK);
  std::thread go([&] {
    const Clock::time_point began = Clock::now();
    rig.host.wait_until([&] { return Clock::now() > began + 500ms; });
    redis.server().note("go");
  });
  EXPECT_EQ(rig.plugin.stop().status, CLEAT_OK);
  go.join();
  EXPECT_EQ(redis.server().count("XACK"), 2U);
}

// Two attempts that failed will do: a server that is gone is not worth all the time.
TEST(Stop, DoesNotWaitForAServerThatIsGone) {
  std::atomic<bool> is_given = false, is_gone = false;
  FakeRedis redis([&](const FakeRedis::Words& words, FakeRedis::Connection&) -> std::string {
    if (words[0] == "XACK") is_gone = true;
    return is_gone ? FakeRedis::hang_up : one_entry(words, is_given);
  });
  Rig rig;
  ASSERT_EQ(rig.init(fields(redis, "3600000000000"), CLEAT_IN).status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.start().status, CLEAT_OK);
  ASSERT_EQ(rig.plugin.begin_input().status, CLEAT_OK);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.delivered_count() == 1; }));
  ASSERT_EQ(rig.plugin.settle_all(), 1U);
  ASSERT_TRUE(rig.host.wait_until([&] { return rig.host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_EQ(rig.plugin.end_input().status, CLEAT_OK);
  const Clock::time_point began = Clock::now();
  EXPECT_EQ(rig.plugin.stop(60s).status, CLEAT_OK);
  EXPECT_LT(Clock::now() - began, 20s);
  EXPECT_TRUE(rig.host.logged("did not confirm all acknowledgements"));
}

}  // namespace
}  // namespace cleat::redis
