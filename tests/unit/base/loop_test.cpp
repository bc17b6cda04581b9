#include "base/loop.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "base/asio_loop.hpp"

namespace cleat {
namespace {

TEST(UniqueFunction, HoldsSmallAndLargeMoveOnlyThings) {
  auto counter = std::make_shared<int>(0);
  {
    Task small([held = std::make_unique<int>(1), counter] { *counter += *held; });
    std::array<std::uint64_t, 32> large_part{};
    large_part.back() = 10;
    Task large([large_part, counter] { *counter += static_cast<int>(large_part.back()); });
    Task moved = std::move(small);
    EXPECT_FALSE(small);  // NOLINT(bugprone-use-after-move): being empty afterwards is promised
    moved();
    moved = std::move(large);
    moved();
    EXPECT_EQ(*counter, 11);
    EXPECT_EQ(counter.use_count(), 2);
  }
  EXPECT_EQ(counter.use_count(), 1);
}

TEST(TimerQueue, RunsWhatIsDueSoonestFirst) {
  TimerQueue queue;
  std::vector<int> ran;
  Timer a([&] { ran.push_back(1); });
  Timer b([&] { ran.push_back(2); });
  Timer c([&] { ran.push_back(3); });
  queue.arm(a, 30);
  queue.arm(b, 10);
  queue.arm(c, 20);
  EXPECT_EQ(queue.next_ns(), 10U);
  queue.run_due(20);
  EXPECT_EQ(ran, (std::vector<int>{2, 3}));
  EXPECT_FALSE(b.armed());
  EXPECT_EQ(queue.next_ns(), 30U);
  queue.run_due(29);
  EXPECT_EQ(ran.size(), 2U);
}

TEST(TimerQueue, ForgetsWhatIsMovedDisarmedOrGone) {
  TimerQueue queue;
  int ran = 0;
  Timer moved([&] { ++ran; });
  queue.arm(moved, 10);
  queue.arm(moved, 50);
  {
    Timer gone([&] { ran += 100; });
    queue.arm(gone, 5);
  }
  Timer disarmed([&] { ran += 100; });
  queue.arm(disarmed, 6);
  disarmed.disarm();
  queue.run_due(49);
  EXPECT_EQ(ran, 0);
  queue.run_due(50);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(queue.next_ns(), 0U);
}

TEST(TimerQueue, LetsATimerArmItselfAgainAndDisarmOthers) {
  TimerQueue queue;
  int ran = 0;
  Timer other([&] { ran += 100; });
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>([&] {
    ++ran;
    other.disarm();
    queue.arm(*timer, 100);
  });
  queue.arm(*timer, 10);
  queue.arm(other, 11);
  queue.run_due(20);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(queue.next_ns(), 100U);
}

TEST(AsioLoop, RunsTasksOfOtherThreadsInOrderOnItsOwn) {
  AsioLoop loop;
  std::vector<int> ran;
  bool on_loop = false;
  EXPECT_FALSE(loop.is_current());
  std::thread poster([&] {
    for (int i = 0; i < 100; ++i)
      loop.post([&ran, i] { ran.push_back(i); });
    loop.post([&] {
      on_loop = loop.is_current();
      loop.stop();
    });
  });
  loop.run();
  poster.join();
  EXPECT_TRUE(on_loop);
  ASSERT_EQ(ran.size(), 100U);
  for (std::size_t i = 0; i < ran.size(); ++i)
    EXPECT_EQ(ran[i], static_cast<int>(i));
}

TEST(AsioLoop, RunsTimersNotTooEarlyAndSoonestFirst) {
  AsioLoop loop;
  std::vector<int> ran;
  bool early = false;
  const std::uint64_t start = loop.now_ns();
  Timer late([&] {
    early |= loop.now_ns() < start + 5 * kMillisecond;
    ran.push_back(2);
    loop.stop();
  });
  Timer soon([&] {
    early |= loop.now_ns() < start + kMillisecond;
    ran.push_back(1);
  });
  Timer never([&] { ran.push_back(99); });
  loop.post([&] {
    loop.arm(late, start + 5 * kMillisecond);
    loop.arm(soon, start + kMillisecond);
    loop.arm(never, start + kMillisecond / 2);
    never.disarm();
  });
  loop.run();
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  EXPECT_FALSE(early);
}

}  // namespace
}  // namespace cleat
