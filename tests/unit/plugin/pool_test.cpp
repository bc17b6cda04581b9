#include "plugin/pool.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

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

/// Stacks that no machine has room for.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 47U);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

TEST(Pool, RefusesWhereTheSystemGivesNoThread) {
  Pool pool(2, 10);
  {
    const NoThreads none;
    EXPECT_FALSE(pool.submit([] {}));
  }
  std::promise<void> ran;
  ASSERT_TRUE(pool.submit([&ran] { ran.set_value(); }));
  EXPECT_EQ(ran.get_future().wait_for(kLongEnough), std::future_status::ready);
}

TEST(Pool, WorksWithTheThreadsThereAreWhereTheSystemGivesNoMore) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::promise<void> begun, ran;
  Pool pool(2, 10);
  ASSERT_TRUE(pool.submit([&begun, gone] {
    begun.set_value();
    gone.wait();
  }));
  ASSERT_EQ(begun.get_future().wait_for(kLongEnough), std::future_status::ready);
  {
    const NoThreads none;
    EXPECT_TRUE(pool.submit([&ran] { ran.set_value(); }));
  }
  go.set_value();
  EXPECT_EQ(ran.get_future().wait_for(kLongEnough), std::future_status::ready);
}

}  // namespace
}  // namespace cleat
