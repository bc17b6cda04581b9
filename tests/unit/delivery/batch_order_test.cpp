#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

// Order, exact numbers of attempts and taking back, where one request carries several events of one order.

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Answer kOk{.outcome = Outcome::answered, .status = 200};
const Answer kReset{.outcome = Outcome::unreachable, .error = "reset"};

TEST(BatchOrder, HoldsWhenTheApplicationCannotBeReached) {
  Harness h(Harness::batches_of(3));
  const auto ids = h.deliver({7, 7, 7, 7, 7});
  std::vector<std::uint64_t> seen;
  h.application.answer(0, kReset);
  for (int i = 0; i < 10 && h.settled_with(CLEAT_ACK).size() < ids.size(); ++i) {
    if (h.application.out.empty()) h.wait_for_timer();
    ASSERT_THAT(h.application.out, SizeIs(1)) << "the lane is in one request at a time";
    const auto these = h.application.out[0].ids;
    seen.insert(seen.end(), these.begin(), these.end());
    h.application.answer(0, kOk, std::vector<std::optional<Verdict>>(these.size(), Verdict::ack));
  }
  EXPECT_EQ(seen, ids);
}

TEST(BatchOrder, HoldsWhenABatchIsTakenBack) {
  Harness h(Harness::batches_of(4));
  h.application.concurrency = 0;
  const auto ids = h.deliver({7, 8, 8, 8, 8});
  ASSERT_THAT(h.application.out[0].ids, ElementsAre(ids[0], ids[1], ids[2], ids[3]));
  h.withdraw(CLEAT_BY_LANE, 7);
  ASSERT_THAT(h.application.out, SizeIs(1)) << "the lane is in one request at a time";
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[1], ids[2], ids[3], ids[4]));
}

TEST(BatchOrder, AnEventThatEndsTheApplicationDoesNotHoldUpTheOthersOfItsBatch) {
  Harness h(Harness::batches_of(3));
  const auto ids = h.deliver({7, 8, 9});
  h.application.answer(0, kReset);
  for (int trial = 0; trial < 10 && h.settled_with(CLEAT_ACK).size() < 2; ++trial) {
    if (h.application.out.empty()) h.wait_for_timer();
    ASSERT_FALSE(h.application.out.empty());
    const auto these = h.application.out[0].ids;
    if (std::find(these.begin(), these.end(), ids[0]) != these.end()) {
      h.application.answer(0, kReset);
    } else {
      h.application.answer(0, kOk, std::vector<std::optional<Verdict>>(these.size(), Verdict::ack));
    }
  }
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ::testing::UnorderedElementsAre(ids[1], ids[2]));
}

TEST(BatchOrder, ATimeoutOfTheWholeIsAskedForAgainOneByOne) {
  for (const Outcome outcome : {Outcome::timed_out, Outcome::broken}) {
    Harness h(Harness::batches_of(10));
    h.deliver({0, 0, 0});
    h.application.answer(0, Answer{.outcome = outcome, .error = "slow"});
    h.loop.advance(kSecond);
    EXPECT_THAT(h.application.out, SizeIs(3)) << "one slow event is not to hold up the others for ever";
  }
}

TEST(BatchOrder, WhatFailedWithItsBatchStaysAloneUntilItIsDone) {
  Harness h(Harness::batches_of(10));
  const auto ids = h.deliver({0, 0});
  h.application.answer(0, 500);
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(2));
  const std::uint64_t poison = h.application.out[0].id;
  h.application.answer(0, 500);
  h.application.answer(0, kOk, {Verdict::ack});
  h.deliver({0, 0});
  h.application.answer(0, kOk, {Verdict::ack, Verdict::retry});
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(2)) << "poison drags no other down";
  for (const auto& out : h.application.out)
    EXPECT_THAT(out.ids, SizeIs(1));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ::testing::Not(::testing::Contains(poison)));
}

TEST(BatchOrder, NoEventBehindTheFirstGetsMoreAttemptsThanAreAllowed) {
  DispatcherOptions options = Harness::batches_of(10);
  options.retry.max_attempts = 4;
  Harness h(std::move(options));
  const auto first = h.deliver({7});
  h.application.answer(0, kOk, {Verdict::retry});
  h.plugin.delivery_count = 3;  // two before this one
  const auto second = h.deliver({7});
  for (int attempt = 0; attempt < 20 && h.loop.until_next_timer() != 0; ++attempt) {
    h.wait_for_timer();
    while (!h.application.out.empty())
      h.application.answer(0, kOk);
  }
  EXPECT_EQ(std::ranges::count(h.application.started, first[0]), 4);
  EXPECT_EQ(std::ranges::count(h.application.started, second[0]), 2) << "two here and two before";
}

TEST(BatchOrder, NoEventBehindTheFirstStartsPastItsLastInstant) {
  Harness h(Harness::batches_of(10));
  const auto ids = h.deliver({7, 7});
  h.application.out[0].batch->events[1]->settle_by_ns = h.loop.now_ns() + kMillisecond;
  h.application.answer(0, kOk);
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[0]));
  h.application.answer(0, kOk, {Verdict::ack});
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1]));
}

TEST(BatchOrder, NothingOfALaneIsHeldThatClosedWithinTheAnswer) {
  DispatcherOptions options = Harness::batches_of(10);
  options.fields.ordering = Ordering::none;
  options.fields.max_held = 2;
  options.delayed_return = true;
  Harness h(std::move(options));
  const auto held = h.deliver({7});
  h.application.answer(0, kOk, {Verdict::retry});
  EXPECT_EQ(h.dispatcher.view().held, 1U);
  const auto ids = h.deliver({7, 7});
  h.application.answer(0, kOk);
  EXPECT_THAT(h.settled_with(CLEAT_REQUEUE), ElementsAre(ids[0]));
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(held[0], ids[1]));
  h.loop.advance(60 * kSecond);
  EXPECT_THAT(h.application.out, IsEmpty());
}

// The target that is not there ends the write within its own call, in the middle of gathering a batch.
TEST(BatchOrder, ADeadLetterThatFailsWhileABatchIsGatheredDisturbsNoOther) {
  DispatcherOptions options = Harness::batches_of(3, kSecond);
  options.retry.max_attempts = 1;
  options.fields.on_exhausted = OnExhausted::dead_letter;
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  h.deliver({7, 7});
  h.loop.advance(kSecond);
  h.application.answer(0, kOk);
  ASSERT_THAT(h.output.calls, SizeIs(1));
  h.output_is_there = false;
  h.output.answer(0, CLEAT_OK);
  const auto other = h.deliver({0});
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(1));
  h.application.answer(0, kOk, {Verdict::ack});
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ::testing::Contains(other[0]));
}

TEST(BatchOrder, TheNextFirstEventLingersAfterATimerThatFoundNothing) {
  Harness h(Harness::batches_of(3, kSecond));
  const auto ids = h.deliver({0});
  h.withdraw(CLEAT_BY_EVENT, ids[0]);
  h.loop.advance(2 * kSecond);
  h.deliver({0});
  EXPECT_THAT(h.application.out, IsEmpty());
}

TEST(BatchOrder, NothingOvertakesOneWhoseDeadLetterIsNotWrittenYet) {
  DispatcherOptions options = Harness::batches_of(2);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  const auto ids = h.deliver({7, 7, 7});
  h.application.answer(0, kOk, {Verdict::retry, Verdict::dead_letter});
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[0]));
  h.application.answer(0, kOk, {Verdict::ack});
  EXPECT_THAT(h.application.out, IsEmpty());
  h.output.answer(0, CLEAT_OK);
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[2]));
}

}  // namespace
}  // namespace cleat::testing
