#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/deadlines.hpp"
#include "common/fading_health.hpp"
#include "common/lookout.hpp"
#include "common/on_loop.hpp"
#include "plugins/fake_host.hpp"

namespace cleat::common {
namespace {

using namespace std::chrono_literals;
using Clock = EventLoop::Clock;

class LookoutTest : public ::testing::Test {
 protected:
  ~LookoutTest() override { loop.stop(); }

  /// `look` gets its number, 1 for the first one.
  void run(Lookout::Times times, std::function<void(int number, Lookout::Done done)> look) {
    lookout = std::make_unique<Lookout>(
        loop,
        [this, look = std::move(look)](std::uint64_t, const Lookout::Done& done) { look(++looks, done); },
        times);
    loop.start();
  }
  void post(std::function<void(Lookout&)> task) {
    loop.post([this, task = std::move(task)] { task(*lookout); });
  }
  bool wait_for(int count) {
    return host.wait_until([&] { return looks >= count; });
  }
  /// Until timers of that time have run.
  void pass(std::chrono::milliseconds time) {
    const std::function<void(std::function<void()>)> later = [this, time](std::function<void()> done) {
      loop.after(time, std::move(done));
    };
    ASSERT_TRUE(run_and_wait(loop, {ns_after(30s)}, later));
  }

  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  std::atomic<int> looks = 0;
  EventLoop loop;
  std::unique_ptr<Lookout> lookout;
};

TEST_F(LookoutTest, LooksUntilAllIsWellAndThenNoMore) {
  run({1ms, 2ms, 1s}, [](int number, const Lookout::Done& done) { done(number == 3); });
  pass(20ms);
  EXPECT_EQ(looks, 0) << "nothing is wrong";
  post([](Lookout& it) { it.look_later(); });
  ASSERT_TRUE(wait_for(3));
  pass(20ms);
  EXPECT_EQ(looks, 3);
}

TEST_F(LookoutTest, LooksOnceAtATime) {
  const auto held = std::make_shared<Lookout::Done>();
  run({1ms, 2ms, 1s}, [held](int, const Lookout::Done& done) { *held = done; });
  post([](Lookout& it) {
    it.look_later();
    it.look();
    it.look();
    it.look_later();
  });
  ASSERT_TRUE(wait_for(1));
  pass(20ms);
  EXPECT_EQ(looks, 1);
  post([held](Lookout&) {
    const Lookout::Done done = *held;
    done(false);
  });
  EXPECT_TRUE(wait_for(2));
}

TEST_F(LookoutTest, ACallThatGoesWellOrAStopTakesTheNextLookAway) {
  run({40ms, 40ms, 1s}, [](int, const Lookout::Done& done) { done(true); });
  post([](Lookout& it) {
    it.look_later();
    it.rest();
  });
  pass(60ms);
  EXPECT_EQ(looks, 0);
  post([](Lookout& it) {
    it.look_later();
    it.stop();
    it.look_later();
    it.look();
  });
  pass(60ms);
  EXPECT_EQ(looks, 0);
}

TEST_F(LookoutTest, WaitsAsLongAsItIsAskedToButNotForEver) {
  run({1ms, 300ms, 1s}, [](int, const Lookout::Done& done) { done(true); });
  const auto began = Clock::now();
  post([](Lookout& it) { it.look_later(200ms); });
  ASSERT_TRUE(wait_for(1));
  EXPECT_GE(Clock::now() - began, 200ms);
  post([](Lookout& it) { it.look_later(1h); });
  EXPECT_TRUE(wait_for(2));
}

TEST_F(LookoutTest, WhereLooksSucceedAndCallsDoNotItLooksEverMoreRarely) {
  std::vector<Clock::time_point> at;
  run({2ms, 10min, 1s}, [&](int number, const Lookout::Done& done) {
    at.push_back(Clock::now());
    done(true);
    if (number < 7) lookout->look_later();
  });
  post([](Lookout& it) { it.look_later(); });
  ASSERT_TRUE(wait_for(7));
  loop.stop();
  EXPECT_GE(at[6] - at[5], 64ms) << "half of 128 ms";
}

TEST_F(LookoutTest, ACallThatGoesWellMakesTheWaitsShortAgain) {
  run({1ms, 10min, 1s}, [this](int number, const Lookout::Done& done) {
    done(true);
    // Without it the wait would be hours at the end.
    lookout->rest();
    if (number < 30) lookout->look_later();
  });
  post([](Lookout& it) { it.look_later(); });
  EXPECT_TRUE(wait_for(30));
}

TEST_F(LookoutTest, WhatACallToldOfAFarEndThatCannotBeLookedAtFades) {
  FadingHealth health(Host(host.table()), loop, 30ms);
  loop.start();
  loop.post([&] { health.tell(CLEAT_HEALTH_DOWN, "nobody there"); });
  ASSERT_TRUE(host.wait_until([&] { return host.health_count() == 2; }));
  EXPECT_EQ(host.health(), (std::pair<std::int32_t, std::string>(CLEAT_HEALTH_UNKNOWN, "")));
  loop.post([&] {
    health.tell(CLEAT_HEALTH_DOWN, "nobody there");
    health.tell(CLEAT_HEALTH_UP, "");
  });
  pass(60ms);
  EXPECT_EQ(host.health_count(), 4U) << "what is good is believed";
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
  loop.stop();
}

TEST_F(LookoutTest, EachCallThatFailsMakesItBelievedAnew) {
  FadingHealth health(Host(host.table()), loop, 200ms);
  loop.start();
  std::function<void(int)> fail = [&](int left) {
    health.tell(CLEAT_HEALTH_DOWN, "nobody there");
    if (left > 0) loop.after(20ms, [&fail, left] { fail(left - 1); });
  };
  const auto began = Clock::now();
  loop.post([&] { fail(15); });
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DOWN; }));
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UNKNOWN; }));
  EXPECT_GE(Clock::now() - began, 500ms);
  loop.stop();
}

}  // namespace
}  // namespace cleat::common
