#include "app/control.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>

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
  Control control;
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
  for (int turn = 0; turn < 300; ++turn) {
    Control control;
    std::atomic<bool> is_freed = false;
    control.submit([&is_freed] { of_thread.is_freed = &is_freed; });
    ASSERT_TRUE(control.wait_idle(0));
    ASSERT_TRUE(is_freed) << "turn " << turn;
  }
}

TEST(Control, MayGoWhileItsTaskRuns) {
  std::promise<void> go;
  std::promise<void> ended;
  {
    Control control;
    control.submit([gone = go.get_future().share(), &ended] {
      gone.wait();
      ended.set_value();
    });
  }
  go.set_value();
  EXPECT_EQ(ended.get_future().wait_for(20s), std::future_status::ready);
}

}  // namespace
}  // namespace cleat
