#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DispatcherOptions with_attempts(std::uint32_t most, OnExhausted then = OnExhausted::block) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.retry.max_attempts = most;
  options.fields.on_exhausted = then;
  return options;
}

/// Answers with the status until nothing is out and nothing is planned; how many attempts there were in all.
std::size_t attempts_until_quiet(Harness& h, unsigned status, std::size_t most = 50) {
  while (h.application.started.size() < most) {
    h.answer_all(status);
    if (h.loop.until_next_timer() == 0) break;
    h.wait_for_timer();
  }
  return h.application.started.size();
}

TEST(Retry, IsForEverByDefault) {
  Harness h;
  h.deliver({0});
  EXPECT_EQ(attempts_until_quiet(h, 500, 200), 200U);
  EXPECT_THAT(h.plugin.settled, IsEmpty());
}

TEST(Retry, MakesExactlyAsManyAttemptsAsAreAllowed) {
  for (const std::uint32_t most : {1U, 2U, 5U}) {
    Harness h(with_attempts(most));
    h.deliver({0});
    EXPECT_EQ(attempts_until_quiet(h, 500), most);
    EXPECT_EQ(h.dispatcher.view().blocked, 1U);
  }
}

TEST(Retry, CountsTheSourcesOwnDeliveries) {
  Harness h(with_attempts(5));
  h.plugin.delivery_count = 3;  // two before this one
  h.deliver({0});
  EXPECT_EQ(attempts_until_quiet(h, 500), 3U);
}

TEST(Retry, EndsWhenItsTimeIsOver) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.retry.wait = Backoff::constant(4 * kSecond);
  options.retry.max_elapsed_ns = 10 * kSecond;
  Harness h(std::move(options));
  h.deliver({0});
  EXPECT_EQ(attempts_until_quiet(h, 500), 3U) << "at 0, 4 and 8 seconds";
  EXPECT_EQ(h.dispatcher.view().blocked, 1U);
}

TEST(Retry, AStatusThatDoesNotMatchIsNotTriedAgain) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.retry.http_codes = CodeSet::parse("500-599", 100, 599).value();
  Harness h(std::move(options));
  h.deliver({0, 0});
  h.application.answer(0, 500);
  EXPECT_EQ(h.dispatcher.view().blocked, 0U);
  h.application.answer(0, 429);
  EXPECT_EQ(h.dispatcher.view().blocked, 1U)
      << "its policy is used up, which is onExhausted and no silent skip";
}

TEST(Retry, ATransportFailureIsTriedAgainWhateverMatches) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.retry.http_codes = CodeSet::parse("500", 100, 599).value();
  Harness h(std::move(options));
  h.deliver({0});
  h.application.answer(0, Answer{.outcome = Outcome::timed_out, .error = "slow"});
  EXPECT_EQ(h.dispatcher.view().blocked, 0U);
}

TEST(Exhausted, BlockKeepsTheEventAndNamesIt) {
  Harness h(with_attempts(2));
  h.deliver({7, 7});
  EXPECT_EQ(attempts_until_quiet(h, 500), 2U);
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.application.out, IsEmpty()) << "no further attempt, and its lane waits behind it";
  EXPECT_THAT(h.plugin.settled, IsEmpty());
  const DeliveryView view = h.dispatcher.view();
  EXPECT_EQ(view.condition, DeliveryView::Condition::degraded);
  EXPECT_EQ(view.troubled_event, "s/1");
  EXPECT_THAT(view.reason, HasSubstr("2 made"));
}

TEST(Exhausted, DropIsAskedForCountedAndLogged) {
  Harness h(with_attempts(2, OnExhausted::drop));
  const auto ids = h.deliver({7, 7});
  h.application.answer(0, 500);
  h.wait_for_timer();
  h.application.answer(0, 500);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
  EXPECT_EQ(h.dispatcher.view().dropped, 1U);
  EXPECT_TRUE(h.log.contains("an event was dropped"));
  EXPECT_THAT(h.application.out, SizeIs(1)) << "its lane goes on";
}

TEST(Exhausted, DeadLetterWritesIt) {
  DispatcherOptions options = with_attempts(1, OnExhausted::dead_letter);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  const auto ids = h.deliver({0});
  h.application.answer(0, 500);
  ASSERT_THAT(h.output.calls, SizeIs(1));
  h.output.answer(0, CLEAT_OK);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
}

TEST(Unreachable, IsNoAttemptAndExhaustsNothing) {
  DispatcherOptions options = with_attempts(2, OnExhausted::drop);
  options.retry.max_elapsed_ns = 7200 * kSecond;
  Harness h(std::move(options));
  h.deliver({0});
  for (int trial = 0; trial < 30; ++trial) {
    h.application.answer(0, Answer{.outcome = Outcome::unreachable, .error = "refused"});
    h.wait_for_timer();
    ASSERT_THAT(h.application.out, SizeIs(1));
  }
  EXPECT_THAT(h.plugin.settled, IsEmpty());
  h.loop.advance(3600 * kSecond);
  h.application.answer(0, 408);
  EXPECT_THAT(h.plugin.settled, IsEmpty()) << "this was its first attempt";
  EXPECT_EQ(h.dispatcher.view().held, 1U);
}

TEST(HandBack, OnlyWhenMuchIsHeldAndTheSourceCanWait) {
  for (const bool can_wait : {false, true}) {
    DispatcherOptions options = Harness::dispatcher_options(64);
    options.fields.max_held = 10;
    options.delayed_return = can_wait;
    Harness h(std::move(options));
    h.deliver(std::vector<std::uint64_t>(12, 0));
    h.answer_all(500);
    EXPECT_EQ(h.dispatcher.view().held, can_wait ? 5U : 12U);
    EXPECT_THAT(h.settled_with(CLEAT_REQUEUE), SizeIs(can_wait ? 7 : 0));
    for (const auto& settled : h.plugin.settled)
      EXPECT_GT(settled.requeue_after_ms, 0U);
  }
}

TEST(HandBack, ClosesItsLane) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.fields.max_held = 0;
  options.delayed_return = true;
  Harness h(std::move(options));
  const auto ids = h.deliver({7, 7, 8});
  h.application.answer(0, 500);
  EXPECT_THAT(h.settled_with(CLEAT_REQUEUE), ElementsAre(ids[0]));
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1])) << "it would overtake";
}

TEST(HandBack, DoesNotForgetTheAttempts) {
  DispatcherOptions options = with_attempts(3);
  options.fields.max_held = 0;
  options.delayed_return = true;
  Harness h(std::move(options));
  for (int delivery = 0; delivery < 2; ++delivery) {
    h.plugin.deliver_named("same");
    h.loop.run_posted();
    h.application.answer(0, 500);
    EXPECT_THAT(h.settled_with(CLEAT_REQUEUE), SizeIs(delivery + 1));
  }
  h.plugin.deliver_named("same");
  h.loop.run_posted();
  h.application.answer(0, 500);
  EXPECT_EQ(h.dispatcher.view().blocked, 1U) << "three in all, whatever the source counts";
}

TEST(Bounds, WhatIsHeldRaisesTheWindowUpToMaxHeld) {
  DispatcherOptions options = Harness::dispatcher_options(4);
  options.fields.max_held = 64;
  Harness h(std::move(options));
  for (int i = 0; i < 40; ++i) {
    h.deliver(std::vector<std::uint64_t>(4, 0));
    h.answer_all(500);
  }
  EXPECT_EQ(h.plugin.window.max_events, 8U + 64U);
  EXPECT_LE(h.plugin.settled.size(), 0U);
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("maxHeld"));
}

TEST(Bounds, TheBytesRiseByMaxHeldBytesOnlyWhileSomethingIsHeld) {
  DispatcherOptions options = Harness::dispatcher_options(4);
  options.fields.max_held_bytes = 1 << 20;
  Harness h(std::move(options));
  const std::uint64_t base = h.plugin.window.max_bytes;
  h.deliver({0});
  h.application.answer(0, 500);
  EXPECT_EQ(h.plugin.window.max_bytes, base + (1 << 20));
  h.wait_for_timer();
  h.application.answer(0, 200);
  EXPECT_EQ(h.plugin.window.max_bytes, base);
}

TEST(Breaker, OpenItHoldsAttemptsAndLosesNothing) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.gate.breaker.emplace();
  options.gate.breaker->name = "cb";
  options.gate.breaker->timeout_ns = 45 * kSecond;
  options.gate.breaker->trip = Trip::parse("consecutiveFailures >= 2").value();
  Harness h(std::move(options));
  h.deliver({0, 0});
  h.application.answer(0, 500);
  h.application.answer(0, 500);
  h.deliver({0});
  h.loop.advance(44 * kSecond);
  EXPECT_THAT(h.application.out, IsEmpty());
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("circuit breaker 'cb' is open"));
  h.loop.advance(2 * kSecond);
  EXPECT_THAT(h.application.out, SizeIs(1)) << "half open: one attempt asks";
  h.application.answer(0, 200);
  EXPECT_THAT(h.application.out, SizeIs(2)) << "closed: all go on";
  h.answer_all(200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(3));
}

TEST(Breaker, AWordOfDropOrDeadLetterIsNoFailureOfTheApplication) {
  for (const char* word : {"DROP", "DEADLETTER", "RETRY"}) {
    DispatcherOptions options = Harness::dispatcher_options(1);
    options.dead_letter.to = DeadLetterOptions::To::component;
    options.verdicts.read_bodies(true);
    options.gate.breaker.emplace();
    options.gate.breaker->trip = Trip::parse("consecutiveFailures >= 2").value();
    Harness h(std::move(options));
    h.deliver({0, 0});
    const std::string body = std::string(R"({"status":")") + word + "\"}";
    for (int i = 0; i < 2; ++i) {
      ASSERT_THAT(h.application.out, SizeIs(1));
      h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 200, .body = body});
    }
    h.deliver({0});
    const bool is_failure = std::string_view(word) == "RETRY";
    EXPECT_THAT(h.application.out, SizeIs(is_failure ? 0 : 1)) << word;
  }
}

}  // namespace
}  // namespace cleat::testing
