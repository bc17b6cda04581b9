#include "policy/guarded_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "manual_loop.hpp"
#include "recording_log.hpp"

namespace cleat {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ManualLoop;
using testing::RecordingLog;

OutputResult failure(cleat_status status, bool retryable = false, std::uint32_t retry_after_ms = 0) {
  OutputResult result;
  result.status = status;
  result.retryable = retryable;
  result.retry_after_ms = retry_after_ms;
  result.error = "attempt failed";
  return result;
}

/// Answers each attempt with the next result of the script, at once; without one it keeps the attempt open.
class ScriptedOutput final : public OutputPort {
 public:
  void invoke(OutputRequest&& request, std::uint32_t, OutputDone done) override {
    timeouts.push_back(request.timeout_ns);
    data.push_back(std::move(request.data));
    if (script.empty()) {
      open.push_back(std::move(done));
      return;
    }
    OutputResult next = std::move(script.front());
    script.pop_front();
    done(std::move(next));
  }
  void fail_always(cleat_status status, int times = 100) {
    for (int i = 0; i < times; ++i)
      script.push_back(failure(status));
  }

  std::deque<OutputResult> script;
  std::deque<OutputDone> open;
  std::vector<std::string> data;
  std::vector<std::uint64_t> timeouts;
};

class GuardedOutputTest : public ::testing::Test {
 protected:
  // Calls that wait are ended on their loop.
  void TearDown() override {
    guard_.reset();
    loop_.run_posted();
  }
  void make(Policy policy, GuardLimits limits = {}) {
    guard_ = std::make_unique<GuardedOutput>("c", std::move(policy), limits, inner_,
                                             std::vector<Loop*>{&loop_}, log_);
  }
  static Policy retrying(std::uint32_t max_attempts, std::uint64_t wait_ns = kSecond) {
    Policy policy;
    policy.retry.emplace();
    policy.retry->wait = Backoff::constant(wait_ns);
    policy.retry->max_attempts = max_attempts;
    return policy;
  }
  void call(std::string data = "payload", UniqueFunction<bool()> wanted = {}) {
    OutputRequest request;
    request.operation = "create";
    request.data = std::move(data);
    request.still_wanted = std::move(wanted);
    guard_->invoke(std::move(request), 0,
                   [this](OutputResult&& result) { results_.push_back(std::move(result)); });
  }
  [[nodiscard]] std::size_t attempts() const { return inner_.data.size(); }
  void pass(std::uint64_t ns) {
    loop_.advance(ns);
    loop_.run_posted();
  }

  ManualLoop loop_;
  RecordingLog log_;
  ScriptedOutput inner_;
  std::vector<OutputResult> results_;
  std::unique_ptr<GuardedOutput> guard_;
};

TEST_F(GuardedOutputTest, MakesExactlyAsManyAttemptsAsAreAllowed) {
  make(retrying(3));
  inner_.fail_always(CLEAT_UNAVAILABLE);
  call();
  for (int i = 0; i < 10; ++i)
    pass(kSecond);
  EXPECT_EQ(attempts(), 3U);
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status, CLEAT_UNAVAILABLE);
  EXPECT_EQ(results_[0].error, "attempt failed");
}

TEST_F(GuardedOutputTest, WithoutALimitItGoesOnWithTheSameRequest) {
  make(retrying(0));
  inner_.fail_always(CLEAT_TIMEOUT, 50);
  inner_.script.push_back({});
  call("body");
  for (int i = 0; i < 49; ++i)
    pass(kSecond);
  EXPECT_TRUE(results_.empty());
  pass(kSecond);
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status, CLEAT_OK);
  EXPECT_THAT(inner_.data, Each("body"));
  EXPECT_EQ(attempts(), 51U);
}

TEST_F(GuardedOutputTest, HandsTheOnlyAttemptItsRequestWithoutACopy) {
  for (const bool with_retry : {false, true}) {
    make(with_retry ? retrying(1) : Policy{});
    inner_.data.clear();
    std::string data(1000, 'x');
    const char* const bytes = data.data();
    call(std::move(data));
    ASSERT_EQ(attempts(), 1U);
    EXPECT_EQ(inner_.data[0].data(), bytes);
  }
}

TEST_F(GuardedOutputTest, NoAttemptBeginsAfterMaxElapsed) {
  Policy policy = retrying(0);
  policy.retry->max_elapsed_ns = 3 * kSecond;
  make(std::move(policy));
  inner_.fail_always(CLEAT_INTERNAL);
  call();
  for (int i = 0; i < 3; ++i)
    pass(kSecond);
  EXPECT_EQ(attempts(), 4U);
  EXPECT_EQ(results_.size(), 1U);
}

TEST_F(GuardedOutputTest, WhatCanNeverGetBetterIsNotRepeated) {
  for (const cleat_status status : {CLEAT_INVALID, CLEAT_UNSUPPORTED, CLEAT_TOO_LARGE, CLEAT_DENIED,
                                    CLEAT_UNAUTHENTICATED, CLEAT_CANCELLED}) {
    make(retrying(0));
    results_.clear();
    inner_.script.push_back(failure(status));
    call();
    EXPECT_EQ(results_.size(), 1U) << status_name(status);
  }
  for (const cleat_status status : {CLEAT_NOT_FOUND, CLEAT_CONFLICT, CLEAT_THROTTLED, CLEAT_UNAVAILABLE,
                                    CLEAT_TIMEOUT, CLEAT_REMOTE, CLEAT_INTERNAL}) {
    make(retrying(0));
    results_.clear();
    inner_.script.push_back(failure(status));
    call();
    EXPECT_TRUE(results_.empty()) << status_name(status);
  }
  results_.clear();
  inner_.script.push_back(failure(CLEAT_DENIED, true));
  call();
  EXPECT_TRUE(results_.empty());
}

TEST_F(GuardedOutputTest, MatchingNamesTheCodesThatAreRepeated) {
  struct Row {
    const char *http, *grpc;
    cleat_status status;
    bool repeated;
  };
  for (const Row& row :
       {Row{"503", nullptr, CLEAT_UNAVAILABLE, true}, Row{"503", nullptr, CLEAT_TIMEOUT, false},
        Row{nullptr, "4", CLEAT_TIMEOUT, true}, Row{nullptr, "4", CLEAT_UNAVAILABLE, false},
        Row{"429", "14", CLEAT_UNAVAILABLE, true}, Row{"429", "14", CLEAT_THROTTLED, true},
        Row{"429", "14", CLEAT_INTERNAL, false}, Row{"400", nullptr, CLEAT_INVALID, false}}) {
    Policy policy = retrying(0);
    if (row.http != nullptr) policy.retry->http_codes = CodeSet::parse(row.http, 100, 599).value();
    if (row.grpc != nullptr) policy.retry->grpc_codes = CodeSet::parse(row.grpc, 0, 16).value();
    make(std::move(policy));
    results_.clear();
    inner_.script.push_back(failure(row.status));
    call();
    EXPECT_EQ(results_.empty(), row.repeated) << status_name(row.status);
  }
}

TEST_F(GuardedOutputTest, RetryAfterIsTheLeastWait) {
  make(retrying(0));
  inner_.script.push_back(failure(CLEAT_THROTTLED, true, 5000));
  inner_.script.push_back({});
  call();
  pass(4999 * kMillisecond);
  EXPECT_EQ(attempts(), 1U);
  pass(kMillisecond);
  EXPECT_EQ(attempts(), 2U);
}

TEST_F(GuardedOutputTest, TheTimeoutIsThatOfEachAttempt) {
  Policy policy = retrying(2);
  policy.timeout_ns = 7 * kSecond;
  make(std::move(policy));
  inner_.fail_always(CLEAT_TIMEOUT);
  call();
  pass(kSecond);
  EXPECT_THAT(inner_.timeouts, ElementsAre(7 * kSecond, 7 * kSecond));
}

TEST_F(GuardedOutputTest, AnOpenBreakerEndsCallsAtOnce) {
  Policy policy = retrying(0);
  policy.breaker.emplace();
  policy.breaker->trip = Trip::parse("consecutiveFailures > 1").value();
  policy.breaker->timeout_ns = 10 * kSecond;
  make(std::move(policy));
  inner_.fail_always(CLEAT_UNAVAILABLE, 2);
  call();
  EXPECT_TRUE(results_.empty());
  pass(kSecond);
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status, CLEAT_UNAVAILABLE);
  EXPECT_EQ(results_[0].error, "circuit breaker is open");
  EXPECT_TRUE(results_[0].retryable);
  call();
  EXPECT_EQ(results_.size(), 2U);
  EXPECT_EQ(attempts(), 2U);
  EXPECT_EQ(log_.count("the circuit breaker opened"), 1U);

  pass(10 * kSecond);
  call();
  EXPECT_EQ(attempts(), 3U);
  call();
  ASSERT_EQ(results_.size(), 3U);
  EXPECT_EQ(results_[2].error, "too many requests");
  inner_.open.front()(OutputResult{});
  ASSERT_EQ(results_.size(), 4U);
  EXPECT_EQ(results_[3].status, CLEAT_OK);
  EXPECT_TRUE(log_.contains("the circuit breaker closed"));
}

TEST_F(GuardedOutputTest, ACallerThatLeftIsNotRepeatedFor) {
  make(retrying(0));
  inner_.fail_always(CLEAT_UNAVAILABLE);
  bool wanted = true;
  call("x", [&] { return wanted; });
  pass(kSecond);
  EXPECT_EQ(attempts(), 2U);
  wanted = false;
  pass(kSecond);
  EXPECT_EQ(attempts(), 2U);
  EXPECT_EQ(results_.size(), 1U);
}

TEST_F(GuardedOutputTest, ACallerThatTriesAgainItselfHearsOfTheFailureAtOnce) {
  make(retrying(0, 3600 * kSecond));
  inner_.fail_always(CLEAT_UNAVAILABLE);
  call("x", [] { return false; });
  EXPECT_EQ(results_.size(), 1U);
}

TEST_F(GuardedOutputTest, ALongWaitAsksNowAndThenWhetherTheCallerIsThere) {
  make(retrying(0, 3600 * kSecond));
  inner_.fail_always(CLEAT_UNAVAILABLE);
  bool wanted = true;
  call("x", [&] { return wanted; });
  pass(60 * kSecond);
  EXPECT_TRUE(results_.empty());
  wanted = false;
  pass(60 * kSecond);
  EXPECT_EQ(results_.size(), 1U);
  EXPECT_EQ(attempts(), 1U);
}

TEST_F(GuardedOutputTest, StopEndsWhatWaitsWithItsLastError) {
  make(retrying(0));
  inner_.fail_always(CLEAT_REMOTE);
  call();
  guard_->stop();
  EXPECT_TRUE(results_.empty());
  loop_.run_posted();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status, CLEAT_REMOTE);
  call();
  EXPECT_EQ(results_.size(), 2U);
  pass(10 * kSecond);
  EXPECT_EQ(attempts(), 2U);
}

TEST_F(GuardedOutputTest, MayGoBeforeItsAttemptsEnd) {
  make(retrying(0));
  call();
  call("waits");
  inner_.open[1](failure(CLEAT_UNAVAILABLE));
  guard_.reset();
  loop_.run_posted();
  EXPECT_EQ(results_.size(), 1U);
  inner_.open[0](failure(CLEAT_TIMEOUT));
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(results_[1].status, CLEAT_TIMEOUT);
}

TEST_F(GuardedOutputTest, BeyondItsBoundsCallsAreRefusedInWords) {
  make(retrying(0), {.max_calls = 2, .max_bytes = 100});
  call(std::string(60, 'x'));
  call(std::string(60, 'x'));
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status, CLEAT_THROTTLED);
  EXPECT_THAT(results_[0].error, HasSubstr("try again later"));
  call("x");
  call("x");
  EXPECT_EQ(results_.size(), 2U);
  inner_.open[0](OutputResult{});
  call(std::string(60, 'x'));
  EXPECT_EQ(results_.size(), 3U);
  EXPECT_EQ(attempts(), 3U);
}

TEST_F(GuardedOutputTest, SaysOnceThatItFailsAndOnceThatItRecovered) {
  make(retrying(0));
  inner_.fail_always(CLEAT_UNAVAILABLE, 3);
  call();
  call();
  call();
  EXPECT_EQ(log_.count("Error processing operation component[c] output. Retrying in 1s", LogLevel::warn), 1U);
  for (int i = 0; i < 3; ++i)
    inner_.script.push_back({});
  pass(kSecond);
  EXPECT_EQ(log_.count("Recovered processing operation component[c] output after 2 attempts"), 1U);
}

}  // namespace
}  // namespace cleat
