#include "base/asio_loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace cleat {
namespace {

constexpr auto kLongEnough = std::chrono::seconds(20);

/// A loop on a thread of its own until the end of the test.
class RunningLoop {
 public:
  RunningLoop() : thread_([this] { loop_.run(); }) {}
  ~RunningLoop() {
    if (thread_.joinable()) end();
  }
  /// What its tasks refer to may go after this.
  void end() {
    loop_.stop();
    thread_.join();
  }
  AsioLoop& operator*() { return loop_; }

 private:
  AsioLoop loop_;
  std::thread thread_;
};

TEST(AsioLoop, KeepsTheOrderOfEachThreadThatPosts) {
  constexpr int kThreads = 3, kPosts = 20'000;
  RunningLoop running;
  std::vector<std::vector<int>> seen(kThreads);
  std::vector<std::promise<void>> ended(kThreads);
  std::vector<std::thread> threads;
  for (int mine = 0; mine < kThreads; ++mine) {
    threads.emplace_back([&, mine] {
      const auto at = static_cast<std::size_t>(mine);
      for (int number = 0; number < kPosts; ++number)
        (*running).post([&seen, at, number] { seen[at].push_back(number); });
      (*running).post([&ended, at] { ended[at].set_value(); });
    });
  }
  for (auto& thread : threads)
    thread.join();
  for (auto& each : ended)
    ASSERT_EQ(each.get_future().wait_for(kLongEnough), std::future_status::ready);
  for (const auto& numbers : seen) {
    ASSERT_EQ(numbers.size(), kPosts);
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

// What posts itself again and again leaves the timers their turn.
TEST(AsioLoop, RunsTimersWhileTasksPostThemselves) {
  RunningLoop running;
  std::promise<void> fired;
  bool is_over = false;
  Timer timer([&] {
    is_over = true;
    fired.set_value();
  });
  std::function<void()> again = [&] {
    if (!is_over) (*running).post([&] { again(); });
  };
  (*running).post([&] {
    (*running).arm(timer, (*running).now_ns() + kMillisecond);
    again();
  });
  EXPECT_EQ(fired.get_future().wait_for(kLongEnough), std::future_status::ready);
  running.end();
}

TEST(AsioLoop, RunsWhatWasPostedBeforeItRan) {
  AsioLoop loop;
  std::vector<int> seen;
  loop.post([&] { seen.push_back(1); });
  loop.post([&] {
    loop.post([&] {
      seen.push_back(3);
      loop.stop();
    });
    seen.push_back(2);
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TEST(AsioLoop, LetsGoOfWhatItNeverRan) {
  // One that posts when it goes, as what holds a connection may do.
  struct Poster {
    AsioLoop& loop;
    std::shared_ptr<int> held;
    ~Poster() {
      loop.post([held = held] {});
    }
  };
  const auto held = std::make_shared<int>(0);
  {
    AsioLoop loop;
    loop.post([poster = std::make_shared<Poster>(Poster{loop, held})] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace cleat
