#include "plugin/pool.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <future>

namespace cleat {
namespace {

constexpr auto kLongEnough = std::chrono::seconds(20);

TEST(Pool, WorksOnAsManyAsItHasThreadsAlsoWhenAllOfThemSlept) {
  constexpr std::ptrdiff_t kThreads = 4;
  Pool pool(kThreads, 100);
  for (int turn = 0; turn < 200; ++turn) {
    // Nobody gets past it before all are there.
    std::barrier meeting(kThreads);
    std::array<std::promise<void>, kThreads> met;
    for (auto& each : met) {
      ASSERT_TRUE(pool.submit([&meeting, &each] {
        meeting.arrive_and_wait();
        each.set_value();
      }));
    }
    for (auto& each : met)
      ASSERT_EQ(each.get_future().wait_for(kLongEnough), std::future_status::ready);
  }
}

TEST(Pool, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    Pool pool(2, 1000);
    for (int at = 0; at < 1000; ++at)
      ASSERT_TRUE(pool.submit([&ran] { ++ran; }));
  }
  EXPECT_EQ(ran, 1000);
}

TEST(Pool, RefusesWhatItHasNoRoomFor) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::promise<void> begun;
  Pool pool(1, 1);
  ASSERT_TRUE(pool.submit([&begun, gone] {
    begun.set_value();
    gone.wait();
  }));
  ASSERT_EQ(begun.get_future().wait_for(kLongEnough), std::future_status::ready);
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_FALSE(pool.submit([] {}));
  go.set_value();
}

}  // namespace
}  // namespace cleat
