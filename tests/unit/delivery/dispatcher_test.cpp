#include "delivery/dispatcher.hpp"

#include <gmock/gmock.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Dispatcher, AcksEveryTwoHundred) {
  for (unsigned status = 200; status < 300; ++status) {
    Harness h;
    const auto ids = h.deliver({0});
    h.application.answer(0, status);
    EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0])) << status;
  }
}

TEST(Dispatcher, HoldsWhateverIsNoTwoHundredAndTriesAgain) {
  for (const unsigned status : {100U, 199U, 300U, 302U, 400U, 401U, 404U, 405U, 429U, 500U, 503U, 599U}) {
    Harness h;
    const auto ids = h.deliver({0});
    for (int attempt = 0; attempt < 5; ++attempt) {
      h.application.answer(0, status);
      EXPECT_THAT(h.plugin.settled, IsEmpty()) << status;
      EXPECT_THAT(h.application.out, IsEmpty()) << status;
      for (int timers = 0; timers < 3 && h.application.out.empty(); ++timers)
        h.wait_for_timer();
      ASSERT_THAT(h.application.out, SizeIs(1)) << status;
    }
    h.application.answer(0, 200);
    EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0])) << status;
  }
}

TEST(Dispatcher, WaitsLongerAfterEachFailureUpToTheCap) {
  Harness h;
  h.deliver({0});
  std::uint64_t longest = 0;
  for (int attempt = 1; attempt < 40; ++attempt) {
    h.application.answer(0, 500);
    const std::uint64_t wait = h.loop.until_next_timer();
    const std::uint64_t most =
        std::min<std::uint64_t>(30 * kSecond, (200 * kMillisecond) << std::min(attempt - 1, 20));
    EXPECT_LE(wait, most);
    EXPECT_GE(wait, most / 10);
    longest = std::max(longest, wait);
    h.wait_for_timer();
  }
  EXPECT_GT(longest, 15 * kSecond);
}

TEST(Dispatcher, AttemptsOneEventOfALaneAtATimeInOrder) {
  Harness h;
  const auto ids = h.deliver({7, 7, 7, 8});
  EXPECT_THAT(h.application.started, ElementsAre(ids[0], ids[3]));
  h.application.answer(0, 500);
  EXPECT_THAT(h.application.started, SizeIs(2)) << "the lane waits for its first event";
  h.application.answer(0, 200);
  h.wait_for_timer();
  h.application.answer(0, 200);
  h.application.answer(0, 200);
  h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[3], ids[0], ids[1], ids[2]));
}

TEST(Dispatcher, StartsNoMoreThanMayBeInFlight) {
  Harness h(4);
  h.deliver(std::vector<std::uint64_t>(8, 0));
  EXPECT_THAT(h.application.out, SizeIs(4));
  h.application.answer(2, 200);
  EXPECT_THAT(h.application.out, SizeIs(4));
  EXPECT_EQ(h.dispatcher.view().in_flight, 4U);
}

TEST(Dispatcher, AsksForAnUnreachableApplicationWithOneAttemptAtATime) {
  Harness h(8);
  const auto ids = h.deliver(std::vector<std::uint64_t>(8, 0));
  const Answer refused{.outcome = Outcome::unreachable, .error = "connection refused"};
  while (!h.application.out.empty())
    h.application.answer(0, refused);
  for (int trial = 0; trial < 20; ++trial) {
    h.wait_for_timer();
    ASSERT_THAT(h.application.out, SizeIs(1));
    EXPECT_EQ(h.application.out[0].event->attempts, 1U) << "what the application never saw is no attempt";
    h.application.answer(0, refused);
  }
  EXPECT_THAT(h.plugin.settled, IsEmpty());
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("connection refused"));
  h.wait_for_timer();
  h.application.answer(0, 200);
  EXPECT_THAT(h.application.out, SizeIs(7)) << "all go on at once when it is back";
  while (!h.application.out.empty())
    h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(ids.size()));
  EXPECT_EQ(h.dispatcher.view().reason, "");
}

TEST(Dispatcher, ASlowHandlerAfterAnOutageHoldsUpTheOthersForASecondOnly) {
  for (DispatcherOptions options : {Harness::dispatcher_options(8), Harness::batches_of(2)}) {
    Harness h(std::move(options));
    h.deliver({0, 0, 0});
    const Answer refused{.outcome = Outcome::unreachable, .error = "connection refused"};
    while (!h.application.out.empty())
      h.application.answer(0, refused);
    h.wait_for_timer();
    ASSERT_THAT(h.application.out, SizeIs(1));
    h.application.takes = false;
    h.loop.advance(60 * kSecond);
    EXPECT_THAT(h.application.out, SizeIs(1)) << "the connection does not stand yet";
    h.application.takes = true;
    h.wait_for_timer();
    EXPECT_THAT(h.application.out, SizeIs(1)) << "it may hang up at once";
    h.wait_for_timer();
    EXPECT_THAT(h.application.out, SizeIs(::testing::Ge(2U))) << "it has the event and takes its time";
    EXPECT_EQ(h.dispatcher.view().reason, "");
  }
}

TEST(Dispatcher, ATrialThatIsCutOffAfterASecondWaitsLongerForTheNext) {
  Harness h(8);
  h.deliver({0, 0, 0});
  const Answer cut{.outcome = Outcome::unreachable, .error = "closed before it answered"};
  while (!h.application.out.empty())
    h.application.answer(0, cut);
  std::uint64_t waited = 0;
  for (int round = 0; round < 12; ++round) {
    waited = h.loop.until_next_timer();
    h.wait_for_timer();
    ASSERT_THAT(h.application.out, SizeIs(1)) << round;
    h.loop.advance(500 * kMillisecond);
    h.loop.advance(500 * kMillisecond);
    EXPECT_THAT(h.application.out, SizeIs(3)) << round;
    while (!h.application.out.empty())
      h.application.answer(0, cut);
  }
  EXPECT_GE(waited, 300 * kMillisecond) << "the back-off has grown to its cap of three seconds, less jitter";
  EXPECT_THAT(h.plugin.settled, IsEmpty());
}

TEST(Dispatcher, AnOldAttemptThatFailsDuringATrialStartsNoSecondOne) {
  Harness h(8);
  h.application.takes = false;
  const auto ids = h.deliver({0, 0, 0, 0});
  const Answer refused{.outcome = Outcome::unreachable, .error = "connection refused"};
  h.application.answer(0, refused);
  h.application.answer(0, refused);
  h.wait_for_timer();
  ASSERT_THAT(h.application.out, SizeIs(3)) << "two from before, and the trial";
  EXPECT_EQ(h.application.out[2].id, ids[0]);
  h.application.answer(0, refused);
  h.loop.advance(10 * kSecond);
  EXPECT_THAT(h.application.out, SizeIs(2)) << "the trial is still out";
  h.withdraw(CLEAT_BY_EVENT, ids[3]);
  h.application.answer(0, refused);
  EXPECT_THAT(h.application.out, SizeIs(1));
  h.application.answer(0, refused);
  EXPECT_THAT(h.application.out, IsEmpty()) << "the trial failed: the next one waits";
  h.wait_for_timer();
  EXPECT_THAT(h.application.out, SizeIs(1));
}

TEST(Dispatcher, AnOldAttemptThatIsTakenBackDuringATrialStartsNoSecondOne) {
  Harness h(8);
  h.application.concurrency = 2;
  const auto ids = h.deliver({0, 0, 0});
  h.application.answer(0, Answer{.outcome = Outcome::unreachable, .error = "connection refused"});
  h.application.concurrency = 1;
  h.wait_for_timer();
  ASSERT_THAT(h.application.out, SizeIs(3));
  h.withdraw(CLEAT_BY_EVENT, ids[2]);
  h.deliver({0});
  EXPECT_THAT(h.application.out, SizeIs(2)) << "what ran before, and the trial";
}

TEST(Dispatcher, AWithdrawnLaneStartsNothingMore) {
  Harness h;
  const auto ids = h.deliver({7, 7, 7});
  h.withdraw(CLEAT_BY_LANE, 7);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1], ids[2]));
  const auto late = h.deliver({7});
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1], ids[2], late[0]));
  h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0])) << "what ran settles normally";
  EXPECT_THAT(h.application.started, SizeIs(1));
}

TEST(Dispatcher, ARunningEventOfAWithdrawnLaneGetsNoFurtherAttempt) {
  Harness h;
  const auto ids = h.deliver({7});
  h.withdraw(CLEAT_BY_LANE, 7);
  h.application.answer(0, 500);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
  EXPECT_EQ(h.loop.until_next_timer(), 0U);
}

TEST(Dispatcher, AHeldEventThatIsWithdrawnIsAbandonedAndItsTimerCancelled) {
  Harness h;
  const auto ids = h.deliver({0, 0});
  h.application.answer(0, 500);
  h.withdraw(CLEAT_BY_EVENT, ids[0]);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
  h.loop.advance(60 * kSecond);
  EXPECT_THAT(h.application.started, ElementsAre(ids[0], ids[1]));
}

TEST(Dispatcher, WithdrawingOneEventClosesItsLane) {
  Harness h;
  const auto ids = h.deliver({7, 7, 7});
  h.withdraw(CLEAT_BY_EVENT, ids[2]);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1], ids[2]));
}

TEST(Dispatcher, AnEventPastItsLastInstantIsNeverStarted) {
  Harness h(1);
  const auto ids = h.deliver({0, 0});
  Event& second = *h.application.out[0].event;
  ASSERT_EQ(second.id, ids[0]);
  second.settle_by_ns = h.loop.now_ns() + kSecond;
  h.loop.advance(2 * kSecond);
  h.application.answer(0, 500);
  h.application.answer(0, 200);
  h.wait_for_timer();
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
}

TEST(Dispatcher, StopAbandonsWhatDoesNotRunAndWaitsForWhatDoes) {
  Harness h(2);
  const auto ids = h.deliver({7, 7, 0, 0});
  h.application.answer(1, 500);  // ids[2] is held, ids[3] runs
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(2));
  EXPECT_FALSE(idle);
  h.application.answer(0, 200);
  EXPECT_FALSE(idle);
  h.application.answer(0, 500);
  EXPECT_TRUE(idle);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(3));
  EXPECT_EQ(h.instance.unsettled_events(), 0U);
  EXPECT_EQ(h.plugin.released, 4U);
}

TEST(Dispatcher, WhatIsCutAtTheDeadlineMayStillRun) {
  Harness h;
  const auto ids = h.deliver({0});
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  h.dispatcher.cut();
  h.loop.run_posted();
  EXPECT_TRUE(idle);
  ASSERT_THAT(h.plugin.settled, SizeIs(1));
  EXPECT_EQ(h.plugin.settled[0].verdict, CLEAT_ABANDON);
  EXPECT_EQ(h.plugin.settled[0].flags, CLEAT_MAY_STILL_RUN);
}

TEST(Dispatcher, WhatWaitsForTheApplicationsConcurrencyHasNotBegun) {
  Harness h;
  h.application.concurrency = 1;
  const auto ids = h.deliver({0, 7, 0, 8});
  h.withdraw(CLEAT_BY_LANE, 7);
  h.withdraw(CLEAT_BY_EVENT, ids[2]);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1], ids[2]));
  h.dispatcher.stop([] {});
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1], ids[2], ids[3]));
  for (const auto& settled : h.plugin.settled)
    EXPECT_EQ(settled.flags, 0U);
  h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
}

TEST(Dispatcher, AnAbandonedAttemptMakesRoomForOthers) {
  Harness h(1);
  const auto ids = h.deliver({7, 8});
  h.withdraw(CLEAT_BY_LANE, 7);
  h.application.answer(0, 500);
  EXPECT_THAT(h.application.started, ElementsAre(ids[0], ids[1]));
}

TEST(Dispatcher, AnEventThatEndsTheApplicationDoesNotHoldUpTheOthers) {
  Harness h;
  const auto ids = h.deliver({7, 8});
  const Answer reset{.outcome = Outcome::unreachable, .error = "reset"};
  h.application.answer(0, reset);
  h.application.answer(0, reset);
  h.wait_for_timer();
  ASSERT_EQ(h.application.out.at(0).id, ids[0]);
  h.application.answer(0, reset);
  h.wait_for_timer();
  EXPECT_EQ(h.application.out.at(0).id, ids[1]) << "the next trial is another event";
}

TEST(Dispatcher, TheWindowIsRaisedByWhatIsHeldAndGrowsWithLanes) {
  Harness h(64);
  EXPECT_EQ(h.plugin.window.max_events, 128U);
  h.deliver(std::vector<std::uint64_t>(64, 0));
  for (int i = 0; i < 64; ++i)
    h.application.answer(0, 500);
  EXPECT_EQ(h.plugin.window.max_events, 192U) << "poison does not fill the window of an unordered source";
  h.deliver({3});
  EXPECT_GE(h.plugin.window.max_events, 1'024U);
}

TEST(Dispatcher, LogsOncePerTroubleAndOncePerRecovery) {
  Harness h;
  h.deliver(std::vector<std::uint64_t>(10, 0));
  while (!h.application.out.empty())
    h.application.answer(0, 503);
  h.loop.advance(kSecond);
  while (!h.application.out.empty())
    h.application.answer(0, 200);
  const auto lines = h.log.lines();
  EXPECT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].level, LogLevel::warn);
  EXPECT_EQ(lines[0].field("reason"), "the application answered 503");
  EXPECT_EQ(lines[1].level, LogLevel::info);
}

}  // namespace
}  // namespace cleat::testing
