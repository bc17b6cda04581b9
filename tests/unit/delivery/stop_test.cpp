#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Stop, StartsNothingMoreAndAbandonsWhatIsHeldAtOnce) {
  Harness h(2);
  const auto ids = h.deliver({7, 7, 0, 0});
  h.application.answer(1, 500);
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[2], ids[1]));
  const std::size_t started = h.application.started.size();
  const auto late = h.deliver({9});
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ::testing::Contains(late[0]));
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.application.started, SizeIs(started));
  EXPECT_FALSE(idle) << "what runs is waited for";
  h.answer_all(200);
  EXPECT_TRUE(idle);
}

TEST(Stop, WaitsForAllOfABatchAlsoIfTheDeadLetterOfOneIsWrittenAtOnce) {
  DispatcherOptions options = Harness::batches_of(10);
  options.dead_letter.to = DeadLetterOptions::To::broker;
  Harness h(std::move(options));
  h.deliver({0, 0});
  std::size_t settled = 0;
  h.dispatcher.stop([&] { settled = h.plugin.settled.size(); });
  h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 200},
                       {Verdict::dead_letter, Verdict::ack});
  EXPECT_EQ(settled, 2U);
}

TEST(Stop, EndlessRetriesDoNotHoldItUp) {
  Harness h;
  h.deliver(std::vector<std::uint64_t>(20, 0));
  h.answer_all(500);
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  EXPECT_TRUE(idle);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(20));
}

TEST(Stop, ARunningEventThatFailsIsAbandonedAndOneThatIsDoneIsAcknowledged) {
  Harness h;
  const auto ids = h.deliver({7, 0});
  h.dispatcher.stop([] {});
  h.application.answer(0, 500);
  h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[1]));
}

TEST(Stop, WaitsForTheDeadLetterOfARunningEvent) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  const auto ids = h.deliver({0});
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  h.application.answer(0, 422);
  EXPECT_FALSE(idle);
  ASSERT_THAT(h.output.calls, SizeIs(1));
  h.output.answer(0, CLEAT_OK);
  EXPECT_TRUE(idle);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
}

TEST(Stop, ADeadLetterThatCannotBeWrittenIsAbandoned) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  h.deliver({0});
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  h.application.answer(0, 422);
  h.output.answer(0, CLEAT_UNAVAILABLE, true);
  EXPECT_TRUE(idle);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(1));
}

TEST(Stop, CutGivesUpADeadLetterThatIsOnItsWay) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  h.deliver({0});
  h.application.answer(0, 422);
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  h.dispatcher.cut();
  EXPECT_TRUE(idle);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(1));
  h.output.answer(0, CLEAT_OK);  // too late, and nobody is told
  EXPECT_THAT(h.plugin.settled, SizeIs(1));
}

TEST(Stop, CutFlagsOnlyWhatHasBegun) {
  Harness h;
  h.application.concurrency = 1;
  const auto ids = h.deliver({0});
  h.dispatcher.stop([] {});
  h.dispatcher.cut();
  h.loop.run_posted();
  ASSERT_THAT(h.plugin.settled, SizeIs(1));
  EXPECT_EQ(h.plugin.settled[0].flags, CLEAT_MAY_STILL_RUN);
}

TEST(Pause, EndsAndEventsComeAgain) {
  Harness h;
  h.deliver({7, 7});
  int idle = 0;
  h.dispatcher.stop([&] { ++idle; });
  h.application.answer(0, 200);
  EXPECT_EQ(idle, 1);
  h.dispatcher.resume();
  const auto again = h.deliver({8, 0});
  EXPECT_THAT(h.application.out, SizeIs(2));
  h.answer_all(200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(3));
  EXPECT_EQ(idle, 1);
}

TEST(Pause, AnEventAfterItIsAbandonedAndComesWhenItIsOver) {
  Harness h;
  int idle = 0;
  h.dispatcher.stop([&] { ++idle; });
  EXPECT_EQ(idle, 1) << "nothing ran";
  const auto refused = h.deliver({0, 7});
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ::testing::ElementsAreArray(refused));
  EXPECT_THAT(h.application.started, IsEmpty());
  h.answer_all(200);
  h.dispatcher.cut();
  EXPECT_EQ(idle, 1) << "told once";
  h.dispatcher.resume();
  h.deliver({0, 8});
  EXPECT_THAT(h.application.out, SizeIs(2));
}

TEST(Pause, CutFlagsWhatHasBegunAndNothingElse) {
  Harness h;
  h.application.concurrency = 1;
  const auto ids = h.deliver({0, 0, 0});
  h.application.answer(2, 500);  // is held
  h.dispatcher.stop([] {});
  h.dispatcher.cut();
  h.loop.run_posted();
  ASSERT_THAT(h.plugin.settled, SizeIs(3));
  for (const auto& settled : h.plugin.settled)
    EXPECT_EQ(settled.flags, settled.id == ids[0] ? CLEAT_MAY_STILL_RUN : 0U) << settled.id;
}

TEST(Stop, CountsWhatItAbandons) {
  Harness h(2);
  h.deliver({7, 7, 0, 0});
  h.dispatcher.stop([] {});
  EXPECT_EQ(h.dispatcher.view().abandoned, 2U);
  EXPECT_THAT(h.dispatcher.running_ids(10), ElementsAre("s/1", "s/3"));
  EXPECT_THAT(h.dispatcher.running_ids(1), SizeIs(1));
}

TEST(Stop, ABlockedEventDoesNotHoldItUp) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.retry.max_attempts = 1;
  Harness h(std::move(options));
  h.deliver({0});
  h.application.answer(0, 500);
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  EXPECT_TRUE(idle);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), SizeIs(1));
}

}  // namespace
}  // namespace cleat::testing
