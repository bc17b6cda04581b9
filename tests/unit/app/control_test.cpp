#include "app/control.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <system_error>

#include "manual_loop.hpp"
#include "recording_log.hpp"

namespace cleat {
namespace {

using namespace std::chrono_literals;

/// What a library keeps for each thread that uses it.
struct OfThread {
  std::atomic<bool>* is_freed = nullptr;
  ~OfThread() {
    if (is_freed != nullptr) *is_freed = true;
  }
};
thread_local OfThread of_thread;

TEST(Control, RunsInOrderOneAfterTheOther) {
  testing::ManualLoop loop;
  testing::RecordingLog log;
  Control control(loop, log);
  std::string ran;
  std::promise<void> go;
  control.submit([&ran, gone = go.get_future().share()] {
    gone.wait();
    ran += "a";
  });
  control.submit([&ran] { ran += "b"; });
  const auto soon = std::chrono::steady_clock::now() + 1ms;
  EXPECT_FALSE(control.wait_idle(static_cast<std::uint64_t>(soon.time_since_epoch().count())));
  go.set_value();
  EXPECT_TRUE(control.wait_idle(0));
  EXPECT_EQ(ran, "ab");
}

TEST(Control, HasNoThreadWhenItIsIdle) {
  testing::ManualLoop loop;
  testing::RecordingLog log;
  for (int turn = 0; turn < 300; ++turn) {
    Control control(loop, log);
    std::atomic<bool> is_freed = false;
    control.submit([&is_freed] { of_thread.is_freed = &is_freed; });
    ASSERT_TRUE(control.wait_idle(0));
    ASSERT_TRUE(is_freed) << "turn " << turn;
  }
}

TEST(Control, MayGoWhileItsTaskRuns) {
  testing::ManualLoop loop;
  testing::RecordingLog log;
  std::promise<void> go;
  std::promise<void> ended;
  {
    Control control(loop, log);
    control.submit([gone = go.get_future().share(), &ended] {
      gone.wait();
      ended.set_value();
    });
  }
  go.set_value();
  EXPECT_EQ(ended.get_future().wait_for(20s), std::future_status::ready);
}

TEST(Control, WaitsUntilThereIsAThreadToBeHad) {
  testing::ManualLoop loop;
  testing::RecordingLog log;
  int refusals = 3;
  Control control(loop, log, [&refusals](Task&& run) {
    if (refusals-- > 0)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    return std::thread(std::move(run));
  });
  std::string ran;
  control.submit([&ran] { ran += "a"; });
  control.submit([&ran] { ran += "b"; });
  EXPECT_FALSE(control.wait_idle(1));
  EXPECT_EQ(log.count("no thread"), 1U);
  loop.run_posted();
  loop.advance(1 * kSecond);
  EXPECT_FALSE(control.wait_idle(1));
  loop.advance(1 * kSecond);
  EXPECT_TRUE(control.wait_idle(0));
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(log.count("no thread"), 1U);
}

TEST(Control, MayGoWhileItWaitsForAThread) {
  testing::ManualLoop loop;
  testing::RecordingLog log;
  const auto token = std::make_shared<int>();
  {
    Control control(loop, log, [](Task&&) -> std::thread {
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    });
    control.submit([token] {});
  }
  EXPECT_EQ(token.use_count(), 1);
  loop.run_posted();
  EXPECT_EQ(loop.until_next_timer(), 0U);
}

}  // namespace
}  // namespace cleat
