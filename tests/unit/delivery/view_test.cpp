#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DispatcherOptions one_attempt() {
  DispatcherOptions options = Harness::dispatcher_options(2);
  options.retry.max_attempts = 1;
  return options;
}

TEST(Seen, WhatWaitsWithItsAttemptsAndItsLastAnswerThePersonsFirst) {
  DispatcherOptions options = Harness::dispatcher_options(2);
  options.retry.http_codes = CodeSet::parse("500", 100, 599).value();
  Harness h(std::move(options));
  h.deliver({7, 7, 0, 0, 0});
  h.application.answer(0, 500);  // s/1 is held
  h.application.answer(0, 422);  // s/3 is blocked
  const HeldEvents held = h.dispatcher.held_events(10);
  EXPECT_EQ(held.total, 3U) << "two run";
  ASSERT_THAT(held.events, SizeIs(3));
  EXPECT_EQ(held.events[0].id, "s/3");
  EXPECT_EQ(held.events[0].place, "blocked");
  EXPECT_EQ(held.events[0].last_status, 422U);
  EXPECT_THAT(held.events[0].last_answer, HasSubstr("the application answered 422"));
  EXPECT_EQ(held.events[1].id, "s/1");
  EXPECT_EQ(held.events[1].place, "held");
  EXPECT_EQ(held.events[1].lane, 7U);
  EXPECT_EQ(held.events[1].attempts, 1U);
  EXPECT_GT(held.events[1].next_attempt_in_ns, 0U);
  EXPECT_EQ(held.events[2].place, "waiting");
  EXPECT_EQ(held.events[2].attempts, 0U);
  EXPECT_THAT(h.dispatcher.held_events(1).events, SizeIs(1));
  EXPECT_EQ(h.dispatcher.held_events(1).total, 3U);
}

TEST(Seen, CountsAndTimes) {
  Harness h(one_attempt());
  h.deliver({0, 0, 0});
  h.application.answer(0, 200);
  h.application.answer(0, 500);
  const DeliveryView view = h.dispatcher.view();
  EXPECT_EQ(view.attempts, 3U);
  EXPECT_EQ(view.acked, 1U);
  EXPECT_EQ(view.failed_attempts, 1U);
  EXPECT_EQ(view.in_flight, 1U);
  EXPECT_EQ(view.blocked, 1U);
  EXPECT_EQ(view.last_error, "the application answered 500");
  EXPECT_GT(view.last_error_wall_ns, 0U);
  EXPECT_GT(view.last_success_wall_ns, 0U);
  EXPECT_GT(view.oldest_seen_wall_ns, 0U);
}

TEST(Seen, AHandlerOfMoreThanFiveMinutes) {
  Harness h;
  h.deliver({0});
  h.loop.advance(299 * kSecond);
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::well);
  h.loop.advance(2 * kSecond);
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::degraded);
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("5m1s"));
}

TEST(Decided, RetryGivesAllAttemptsAgain) {
  DispatcherOptions options = Harness::dispatcher_options(2);
  options.retry.max_attempts = 2;
  Harness h(std::move(options));
  h.deliver({0});
  for (int round = 0; round < 3; ++round) {
    h.application.answer(0, 500);
    h.wait_for_timer();
    h.application.answer(0, 500);
    EXPECT_EQ(h.dispatcher.view().blocked, 1U);
    EXPECT_EQ(h.dispatcher.decide("s/1", Decision::retry).result, Decided::Result::done);
    ASSERT_THAT(h.application.out, SizeIs(1));
  }
  EXPECT_THAT(h.application.started, SizeIs(7));
  EXPECT_EQ(h.log.count("a person decided about an event"), 3U);
}

TEST(Decided, RetryOfAHeldEventComesAtOnce) {
  Harness h;
  h.deliver({0});
  h.application.answer(0, 500);
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::retry).result, Decided::Result::done);
  EXPECT_THAT(h.application.out, SizeIs(1));
  h.application.answer(0, 200);
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.application.started, SizeIs(2)) << "its timer is gone";
}

TEST(Decided, DropEndsItAndItsLaneGoesOn) {
  Harness h(one_attempt());
  const auto ids = h.deliver({7, 7});
  h.application.answer(0, 500);
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::drop).result, Decided::Result::done);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
  EXPECT_THAT(h.application.out, SizeIs(1));
  EXPECT_EQ(h.dispatcher.view().dropped, 1U);
}

TEST(Decided, DeadLetterWritesItWhereThereIsATarget) {
  Harness without(one_attempt());
  without.deliver({0});
  without.application.answer(0, 500);
  EXPECT_EQ(without.dispatcher.decide("s/1", Decision::dead_letter).result, Decided::Result::conflict);
  EXPECT_EQ(without.dispatcher.view().blocked, 1U);
  DispatcherOptions options = one_attempt();
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness with(std::move(options));
  with.deliver({0});
  with.application.answer(0, 500);
  EXPECT_EQ(with.dispatcher.decide("s/1", Decision::dead_letter).result, Decided::Result::done);
  EXPECT_THAT(with.output.calls, SizeIs(1));
  EXPECT_EQ(with.dispatcher.decide("s/1", Decision::drop).result, Decided::Result::conflict)
      << "it is being written";
}

TEST(Decided, NothingAboutWhatRunsWaitsBehindOthersOrIsNotThere) {
  Harness h;
  h.deliver({7, 7});
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::drop).result, Decided::Result::conflict);
  EXPECT_EQ(h.dispatcher.decide("s/2", Decision::drop).result, Decided::Result::conflict);
  EXPECT_EQ(h.dispatcher.decide("s/3", Decision::drop).result, Decided::Result::not_found);
  EXPECT_THAT(h.plugin.settled, IsEmpty());
}

TEST(Seen, TheMostPressingConditionFirst) {
  DispatcherOptions options = one_attempt();
  options.fields.max_in_flight = 64;
  options.fields.dead_letter_burst = 1;
  options.dead_letter.to = DeadLetterOptions::To::component;
  options.dead_letter.target = "dlq";
  Harness h(std::move(options));
  h.deliver({0, 0, 0, 0, 0});
  const auto reason = [&h] { return h.dispatcher.view().reason; };
  h.loop.advance(600 * kSecond);
  EXPECT_THAT(reason(), HasSubstr("a handler runs for"));
  h.application.answer(0, 422);
  h.output.answer(0, CLEAT_UNAVAILABLE, true);
  EXPECT_THAT(reason(), HasSubstr("cannot be written to dlq: the target says no"));
  EXPECT_EQ(h.dispatcher.view().troubled_event, "s/1");
  h.application.answer(0, Answer{.outcome = Outcome::unreachable, .error = "nobody listens"});
  EXPECT_THAT(reason(), HasSubstr("nobody listens"));
  h.application.answer(0, 500);
  EXPECT_THAT(reason(),
              HasSubstr("1 event is blocked until a person decides: its attempts are used up (1 made"));
  EXPECT_EQ(h.dispatcher.view().troubled_event, "s/3");
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::degraded);
  while (h.output.calls.empty())
    h.wait_for_timer();
  h.output.answer(0, CLEAT_OK);
  EXPECT_THAT(reason(), HasSubstr("1 dead letters in a row without an acknowledged event"));
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::stalled);
}

TEST(Seen, TheOldestUnsettledEvent) {
  Harness h;
  const auto now = [] { return wall_now_ns(); };
  EXPECT_EQ(h.dispatcher.view().oldest_seen_wall_ns, 0U);
  const std::uint64_t before = now();
  h.deliver({7, 7});
  const std::uint64_t oldest = h.dispatcher.view().oldest_seen_wall_ns;
  EXPECT_GE(oldest, before);
  EXPECT_LE(oldest, now());
  h.answer_all(200);
  EXPECT_EQ(h.dispatcher.view().oldest_seen_wall_ns, 0U);
}

TEST(Decided, IsInTheLogWithTheEventAndTheDecision) {
  Harness h(one_attempt());
  h.deliver({0});
  h.application.answer(0, 500);
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::drop).result, Decided::Result::done);
  for (const auto& line : h.log.lines()) {
    if (line.message != "a person decided about an event") continue;
    EXPECT_EQ(line.field("event"), "s/1");
    EXPECT_EQ(line.field("decision"), "drop");
    EXPECT_EQ(line.field("attempts"), "1");
    EXPECT_EQ(line.level, LogLevel::warn);
    return;
  }
  FAIL() << "it is not in the log";
}

TEST(Decided, WhileItWaitsForItsDeadLetter) {
  DispatcherOptions options = Harness::dispatcher_options(2);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  h.deliver({0});
  h.application.answer(0, 422);
  h.output.answer(0, CLEAT_UNAVAILABLE, true);
  EXPECT_EQ(h.dispatcher.held_events(9).events.at(0).place, "dead-letter");
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::retry).result, Decided::Result::done);
  h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(1));
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.output.calls, IsEmpty()) << "it is done";
}

TEST(Decided, NothingOnceItStops) {
  Harness h(one_attempt());
  h.deliver({0});
  h.dispatcher.stop([] {});
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::drop).result, Decided::Result::not_found);
}

}  // namespace
}  // namespace cleat::testing
