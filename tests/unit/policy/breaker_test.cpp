#include "policy/breaker.hpp"

#include <gtest/gtest.h>

namespace cleat {
namespace {

using State = Breaker::State;

BreakerSettings settings_with(std::string_view trip) {
  BreakerSettings settings;
  settings.name = "cb";
  settings.timeout_ns = 45 * kSecond;
  settings.trip = *Trip::parse(trip);
  return settings;
}

/// A breaker, and a clock that stands still unless it is moved.
class BreakerTest : public testing::Test {
 protected:
  void make(const BreakerSettings& settings) { breaker_.emplace(settings); }

  Breaker& breaker() { return *breaker_; }
  State state() { return breaker_->state(now_ns_); }
  bool allows() { return breaker_->allows(now_ns_); }
  Breaker::Period begin() { return breaker_->begin(now_ns_); }
  void fail(Breaker::Period period) { breaker_->failed(period, now_ns_); }
  void succeed(Breaker::Period period) { breaker_->succeeded(period, now_ns_); }
  void fail_times(int times) {
    for (int i = 0; i < times; ++i)
      fail(begin());
  }
  void pass(std::uint64_t ns) { now_ns_ += ns; }
  [[nodiscard]] std::uint64_t now() const { return now_ns_; }

 private:
  std::optional<Breaker> breaker_;
  std::uint64_t now_ns_ = 1'000 * kSecond;
};

TEST_F(BreakerTest, TripsAfterTheFailureThatMakesTheConditionHold) {
  make(settings_with("consecutiveFailures > 2"));
  EXPECT_EQ(breaker().name(), "cb");
  fail_times(2);
  EXPECT_EQ(state(), State::closed);
  EXPECT_TRUE(allows());
  fail_times(1);
  EXPECT_EQ(state(), State::open);
  EXPECT_FALSE(allows());
  EXPECT_EQ(breaker().opens_at_ns(), now() + 45 * kSecond);
}

TEST_F(BreakerTest, ASuccessEndsARowOfFailures) {
  make(settings_with("consecutiveFailures > 2"));
  for (int i = 0; i < 10; ++i) {
    fail_times(2);
    succeed(begin());
  }
  EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, IsAskedAfterFailuresOnly) {
  make(settings_with("requests > 2"));
  for (int i = 0; i < 5; ++i)
    succeed(begin());
  EXPECT_EQ(state(), State::closed);
  fail_times(1);
  EXPECT_EQ(state(), State::open);
}

TEST_F(BreakerTest, CountsEveryCounter) {
  make(
      settings_with("requests == 5 && totalSuccesses == 2 && totalFailures == 2 && "
                    "consecutiveSuccesses == 0 && consecutiveFailures == 1"));
  succeed(begin());
  fail_times(1);
  succeed(begin());
  const auto running = begin();
  fail_times(1);
  EXPECT_EQ(state(), State::open);
  succeed(running);
  EXPECT_EQ(state(), State::open);
}

TEST_F(BreakerTest, IsHalfOpenWhenTheTimeoutIsOverAndNotBefore) {
  make(settings_with("consecutiveFailures > 0"));
  fail_times(1);
  pass(45 * kSecond - 1);
  EXPECT_EQ(state(), State::open);
  pass(1);
  EXPECT_EQ(state(), State::half_open);
  EXPECT_EQ(breaker().opens_at_ns(), 0U);
  EXPECT_TRUE(allows());
}

TEST_F(BreakerTest, HalfOpenLetsOneThroughAndItsSuccessCloses) {
  make(settings_with("consecutiveFailures > 0"));
  fail_times(1);
  pass(45 * kSecond);
  ASSERT_TRUE(allows());
  const auto probe = begin();
  EXPECT_FALSE(allows());
  succeed(probe);
  EXPECT_EQ(state(), State::closed);
  EXPECT_TRUE(allows());
}

TEST_F(BreakerTest, HalfOpenWantsAsManySuccessesAsMayRun) {
  auto settings = settings_with("consecutiveFailures > 0");
  settings.max_requests = 3;
  make(settings);
  fail_times(1);
  pass(45 * kSecond);
  const auto first = begin();
  const auto second = begin();
  EXPECT_TRUE(allows());
  const auto third = begin();
  EXPECT_FALSE(allows());
  succeed(first);
  succeed(second);
  EXPECT_EQ(state(), State::half_open);
  EXPECT_TRUE(allows());
  succeed(third);
  EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, AnyFailureWhileHalfOpenOpensForTheWholeTimeout) {
  auto settings = settings_with("requests == 1");
  settings.max_requests = 2;
  make(settings);
  fail_times(1);
  pass(45 * kSecond);
  const auto first = begin();
  const auto second = begin();
  succeed(first);
  pass(kSecond);
  fail(second);
  EXPECT_EQ(state(), State::open);
  EXPECT_EQ(breaker().opens_at_ns(), now() + 45 * kSecond);
}

TEST_F(BreakerTest, WhatBeganInAnEarlierPeriodSaysNothing) {
  make(settings_with("consecutiveFailures > 0"));
  const auto slow_success = begin();
  const auto slow_failure = begin();
  fail_times(1);
  pass(45 * kSecond);
  ASSERT_EQ(state(), State::half_open);
  succeed(slow_success);
  EXPECT_EQ(state(), State::half_open);
  fail(slow_failure);
  EXPECT_EQ(state(), State::half_open);
  EXPECT_TRUE(allows());
  succeed(begin());
  EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, ALateResultDoesNotTouchAnOpenOne) {
  make(settings_with("consecutiveFailures > 0"));
  const auto late = begin();
  fail_times(1);
  const auto opens_at_ns = breaker().opens_at_ns();
  pass(kSecond);
  fail(late);
  EXPECT_EQ(breaker().opens_at_ns(), opens_at_ns);
}

TEST_F(BreakerTest, WhatIsTakenBackFreesItsPlaceAndCountsNothing) {
  make(settings_with("requests == 2"));
  breaker().forget(begin(), now());
  fail_times(1);
  EXPECT_EQ(state(), State::closed);
  fail_times(1);
  ASSERT_EQ(state(), State::open);
  pass(45 * kSecond);
  const auto probe = begin();
  ASSERT_FALSE(allows());
  breaker().forget(probe, now());
  EXPECT_EQ(state(), State::half_open);
  EXPECT_TRUE(allows());
  const auto other = begin();
  breaker().forget(probe + 100, now());
  EXPECT_FALSE(allows());
  succeed(other);
  EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, TheIntervalClearsTheCountsWhileClosed) {
  auto settings = settings_with("totalFailures > 2");
  settings.interval_ns = 8 * kSecond;
  make(settings);
  fail_times(2);
  const auto early = begin();
  pass(8 * kSecond);
  fail(early);
  fail_times(2);
  EXPECT_EQ(state(), State::closed);
  pass(8 * kSecond - 1);
  fail_times(1);
  EXPECT_EQ(state(), State::open);
}

TEST_F(BreakerTest, WithoutAnIntervalTheCountsStay) {
  make(settings_with("totalFailures > 2"));
  fail_times(2);
  pass(365ULL * 86'400 * kSecond);
  fail_times(1);
  EXPECT_EQ(state(), State::open);
}

TEST_F(BreakerTest, StartsAnewAfterItClosed) {
  make(settings_with("totalFailures > 1"));
  fail_times(2);
  pass(45 * kSecond);
  succeed(begin());
  ASSERT_EQ(state(), State::closed);
  fail_times(1);
  EXPECT_EQ(state(), State::closed);
  fail_times(1);
  EXPECT_EQ(state(), State::open);
}

}  // namespace
}  // namespace cleat
