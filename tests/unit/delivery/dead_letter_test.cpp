#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

DispatcherOptions to_component() {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.dead_letter.to = DeadLetterOptions::To::component;
  options.dead_letter.source = "orders";
  options.dead_letter.target = "dlq";
  options.dead_letter.operation = "create";
  return options;
}

TEST(DeadLetter, CarriesTheEventAndWhy) {
  DispatcherOptions options = to_component();
  options.dead_letter.metadata = {{"topic", "dead-{component}"},
                                  {"key", "{key}|{id}|{lane}|{attempts}|{other}"}};
  Harness h(std::move(options));
  h.deliver_keyed({{7, "k"}});
  h.application.answer(0, 422);
  ASSERT_THAT(h.output.calls, SizeIs(1));
  EXPECT_EQ(h.asked_for, "dlq.create");
  const OutputRequest& request = h.output.calls[0].request;
  EXPECT_EQ(request.data, "xxxxxxxx");
  EXPECT_THAT(request.metadata, Contains(Pair("topic", "dead-orders")));
  EXPECT_THAT(request.metadata, Contains(Pair("key", "k|s/1|7|1|{other}")));
  EXPECT_THAT(request.metadata, Contains(Pair("cleat-component", "orders")));
  EXPECT_THAT(request.metadata, Contains(Pair("cleat-event-id", "s/1")));
  EXPECT_THAT(request.metadata, Contains(Pair("cleat-attempts", "1")));
  EXPECT_THAT(request.metadata, Contains(Pair("cleat-last-status", "422")));
  EXPECT_THAT(request.metadata, Contains(Pair("cleat-reason", "the application answered 422")));
  for (const char* time : {"cleat-first-seen", "cleat-first-attempt", "cleat-last-attempt"})
    EXPECT_THAT(request.metadata, Contains(Pair(time, HasSubstr("T"))));
}

TEST(DeadLetter, IsNotRepeatedByAPolicyOfItsTarget) {
  Harness h(to_component());
  h.deliver({0});
  h.application.answer(0, 422);
  OutputRequest& request = h.output.calls.at(0).request;
  ASSERT_TRUE(request.still_wanted);
  EXPECT_FALSE(request.still_wanted()) << "it is written again from here, where a pause and a stop find it";
}

TEST(DeadLetter, WhatTheSourceSaidIsDataAndNeverInstruction) {
  Harness h(to_component());
  h.plugin.metadata = {{"topic", "elsewhere"}, {"cleat-event-id", "forged"}};
  h.deliver({0});
  h.application.answer(0, 422);
  const Pairs& metadata = h.output.calls.at(0).request.metadata;
  EXPECT_THAT(metadata, Contains(Pair("cleat-src-topic", "elsewhere")));
  EXPECT_THAT(metadata, Contains(Pair("cleat-src-cleat-event-id", "forged")));
  EXPECT_THAT(metadata, ::testing::Not(Contains(Pair("topic", "elsewhere"))));
  EXPECT_THAT(metadata, ::testing::Not(Contains(Pair("cleat-event-id", "forged"))));
}

TEST(DeadLetter, SettlesOnlyAfterTheWriteAndHoldsItsLaneUntilThen) {
  Harness h(to_component());
  const auto ids = h.deliver({7, 7});
  h.application.answer(0, 422);
  EXPECT_THAT(h.plugin.settled, IsEmpty());
  EXPECT_THAT(h.application.out, IsEmpty());
  h.output.answer(0, CLEAT_OK);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
  EXPECT_THAT(h.application.out, SizeIs(1));
  EXPECT_EQ(h.dispatcher.view().dead_lettered, 1U);
}

TEST(DeadLetter, ATargetThatIsDownHoldsTheEventUntilItIsBack) {
  Harness h(to_component());
  h.deliver({0});
  h.application.answer(0, 422);
  for (int failure = 0; failure < 5; ++failure) {
    h.output.answer(0, CLEAT_UNAVAILABLE, true);
    EXPECT_THAT(h.plugin.settled, IsEmpty());
    EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::degraded);
    EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("cannot be written to dlq"));
    h.wait_for_timer();
    ASSERT_THAT(h.output.calls, SizeIs(1));
  }
  h.output.answer(0, CLEAT_OK);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(1));
  EXPECT_EQ(h.log.count("a dead letter cannot be written"), 1U);
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::well);
}

TEST(DeadLetter, ATargetThatDoesNotRunIsWaitedFor) {
  Harness h(to_component());
  h.output_is_there = false;
  h.deliver({0});
  h.application.answer(0, 422);
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("the target is not running"));
  h.output_is_there = true;
  h.wait_for_timer();
  EXPECT_THAT(h.output.calls, SizeIs(1));
}

TEST(DeadLetter, WhatIsWrittenAgainHasTheSameId) {
  Harness h(to_component());
  h.deliver({0});
  h.application.answer(0, 422);
  h.output.answer(0, CLEAT_TIMEOUT, true);  // it may have been written
  h.wait_for_timer();
  h.output.answer(0, CLEAT_OK);
  for (const OutputRequest& request : h.output.written)
    EXPECT_THAT(request.metadata, Contains(Pair("cleat-event-id", "s/1")));
}

TEST(DeadLetter, ThatIsTooLargeBlocksTheEvent) {
  Harness h(to_component());
  h.deliver({0});
  h.application.answer(0, 422);
  h.output.answer(0, CLEAT_TOO_LARGE);
  EXPECT_EQ(h.dispatcher.view().blocked, 1U);
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("too large"));
}

TEST(DeadLetter, ThatIsTooLargeGoesWithoutItsDataWhereThatIsAskedFor) {
  DispatcherOptions options = to_component();
  options.fields.envelope_only_when_too_large = true;
  Harness h(std::move(options));
  h.deliver({0});
  h.application.answer(0, 422);
  h.output.answer(0, CLEAT_TOO_LARGE);
  ASSERT_THAT(h.output.calls, SizeIs(1));
  EXPECT_EQ(h.output.calls[0].request.data, "");
  h.output.answer(0, CLEAT_TOO_LARGE);
  EXPECT_EQ(h.dispatcher.view().blocked, 1U);
}

TEST(DeadLetter, GoesToTheBrokerWhereThatIsAskedFor) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.dead_letter.to = DeadLetterOptions::To::broker;
  Harness h(std::move(options));
  const auto ids = h.deliver({0});
  h.application.answer(0, 422);
  EXPECT_THAT(h.settled_with(CLEAT_REJECT), ElementsAre(ids[0]));
}

TEST(DeadLetter, WithoutATargetBlocksAndIsSaidOnce) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  ASSERT_TRUE(options.verdicts.set("422:dead-letter"));
  Harness h(std::move(options));
  h.deliver({0, 0, 0});
  h.answer_all(422);
  EXPECT_EQ(h.dispatcher.view().blocked, 3U);
  EXPECT_EQ(h.log.count("an event is blocked"), 1U);
  EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("no deadLetter"));
}

TEST(Brake, StopsAfterExactlySoManyInARowUntilItIsResumed) {
  DispatcherOptions options = to_component();
  options.fields.dead_letter_burst = 3;
  Harness h(std::move(options));
  h.deliver(std::vector<std::uint64_t>(10, 0));
  h.answer_all(422);
  while (!h.output.calls.empty())
    h.output.answer(0, CLEAT_OK);
  EXPECT_THAT(h.output.written, SizeIs(3));
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::stalled);
  EXPECT_EQ(h.log.count("the component is stalled"), 1U);
  h.deliver({0});
  EXPECT_THAT(h.application.out, IsEmpty());
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.application.out, IsEmpty()) << "time does not mend it";
  h.dispatcher.end_stall();
  EXPECT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.output.calls, SizeIs(3));
}

TEST(Brake, AnAckBetweenThemCountsAnew) {
  DispatcherOptions options = to_component();
  options.fields.dead_letter_burst = 2;
  Harness h(std::move(options));
  for (int i = 0; i < 5; ++i) {
    h.deliver({0});
    h.application.answer(0, 422);
    h.output.answer(0, CLEAT_OK);
    h.deliver({0});
    h.application.answer(0, 200);
  }
  EXPECT_EQ(h.dispatcher.view().dead_lettered, 5U);
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::well);
}

TEST(DeadLetter, OfAWithdrawnEventIsNotWrittenUnlessItIsOnItsWay) {
  Harness h(to_component());
  const auto ids = h.deliver({7, 8});
  h.withdraw(CLEAT_BY_LANE, 7);
  h.application.answer(0, 422);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
  h.application.answer(0, 422);
  h.withdraw(CLEAT_BY_LANE, 8);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(1));
  h.output.answer(0, CLEAT_OK);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[1]));
}

TEST(Brake, HoldsForTheSourcesOwnDeadLettersToo) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.dead_letter.to = DeadLetterOptions::To::broker;
  options.fields.dead_letter_burst = 3;
  Harness h(std::move(options));
  h.deliver(std::vector<std::uint64_t>(10, 0));
  h.answer_all(422);
  EXPECT_THAT(h.settled_with(CLEAT_REJECT), SizeIs(3));
  EXPECT_EQ(h.dispatcher.view().dead_lettered, 3U);
  EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::stalled);
  h.dispatcher.end_stall();
  EXPECT_THAT(h.settled_with(CLEAT_REJECT), SizeIs(6));
}

TEST(Brake, DoesNotBeginMoreWritesThanItMayLetThrough) {
  DispatcherOptions options = to_component();
  options.fields.dead_letter_burst = 3;
  Harness h(std::move(options));
  h.deliver(std::vector<std::uint64_t>(10, 0));
  h.answer_all(422);
  EXPECT_THAT(h.output.calls, SizeIs(3)) << "all of them may succeed";
  h.output.answer(0, CLEAT_UNAVAILABLE, true);
  EXPECT_THAT(h.output.calls, SizeIs(3)) << "one that failed makes room for another";
}

TEST(DeadLetter, CarriesWhatIsKnownOfTheEventsWay) {
  Harness h(to_component());
  h.plugin.delivery_count = 3;
  h.deliver({0});
  h.application.answer(0, {.outcome = Outcome::answered, .status = 500});
  h.wait_for_timer();
  h.application.answer(0, 422);
  const Pairs& metadata = h.output.calls.at(0).request.metadata;
  EXPECT_THAT(metadata, Contains(Pair("cleat-attempts", "4"))) << "two of the source before ours";
  EXPECT_THAT(metadata, ::testing::Not(Contains(Pair("cleat-lane", ::testing::_))));
}

TEST(DeadLetter, WhatWaitsForItHoldsUpNoOtherLane) {
  Harness h(to_component());
  h.deliver({7, 7, 8});
  h.application.answer(0, 422);
  ASSERT_THAT(h.application.out, SizeIs(1)) << "lane 8 runs, lane 7 waits for the write";
  EXPECT_EQ(h.application.out[0].lane, 8U);
  h.output.answer(0, CLEAT_UNAVAILABLE, true);
  EXPECT_THAT(h.application.started, SizeIs(2)) << "a failed write lets nobody pass";
}

}  // namespace
}  // namespace cleat::testing
