#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Verdicts100 = std::vector<std::optional<Verdict>>;

Answer ok() {
  return Answer{.outcome = Outcome::answered, .status = 200};
}

TEST(Batch, OfAHundredWithThreeFailuresAcksNinetySeven) {
  Harness h(Harness::batches_of(100));
  const auto ids = h.deliver(std::vector<std::uint64_t>(100, 0));
  ASSERT_THAT(h.application.out, SizeIs(1));
  ASSERT_THAT(h.application.out[0].ids, SizeIs(100));
  Verdicts100 verdicts(100, Verdict::ack);
  verdicts[3] = verdicts[50] = Verdict::retry;
  verdicts[99] = std::nullopt;  // not mentioned
  h.application.answer(0, ok(), verdicts);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(97));
  EXPECT_EQ(h.dispatcher.view().held, 3U);
  h.loop.advance(kSecond);
  std::vector<std::uint64_t> again;
  while (!h.application.out.empty()) {
    again.insert(again.end(), h.application.out[0].ids.begin(), h.application.out[0].ids.end());
    h.application.answer(0, ok(), Verdicts100(h.application.out[0].ids.size(), Verdict::ack));
  }
  EXPECT_THAT(again, ::testing::UnorderedElementsAre(ids[3], ids[50], ids[99]));
}

TEST(Batch, ASuccessWithoutVerdictsAcksNothing) {
  Harness h(Harness::batches_of(10));
  h.deliver({0, 0});
  h.application.answer(0, ok(), {});
  EXPECT_THAT(h.plugin.settled, IsEmpty());
  EXPECT_EQ(h.dispatcher.view().held, 2U);
}

TEST(Batch, AFailureOfTheWholeIsAskedForAgainOneByOne) {
  DispatcherOptions options = Harness::batches_of(10);
  options.dead_letter.to = DeadLetterOptions::To::component;
  Harness h(std::move(options));
  const auto ids = h.deliver({0, 0, 0});
  h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 422});
  EXPECT_THAT(h.output.calls, IsEmpty()) << "one status for three events is no verdict about any of them";
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(3));
  for (const auto& out : h.application.out)
    EXPECT_THAT(out.ids, SizeIs(1));
  const std::uint64_t poison = h.application.out[1].id;
  h.application.answer(1, Answer{.outcome = Outcome::answered, .status = 422});
  EXPECT_THAT(h.output.calls, SizeIs(1)) << "alone it is one";
  h.application.answer(0, ok(), {Verdict::ack});
  h.application.answer(0, ok(), {Verdict::ack});
  EXPECT_THAT(h.settled_with(CLEAT_ACK), SizeIs(2));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ::testing::Not(::testing::Contains(poison)));
}

TEST(Batch, HoldsALaneInOrderAndPutsBackWhatFailed) {
  Harness h(Harness::batches_of(3));
  const auto ids = h.deliver({7, 7, 7, 7, 7});
  ASSERT_THAT(h.application.out, SizeIs(1)) << "the lane is in one request at a time";
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[0], ids[1], ids[2]));
  h.application.answer(0, ok(), {Verdict::ack, Verdict::retry, std::nullopt});
  EXPECT_THAT(h.application.out, IsEmpty()) << "its lane waits for the second";
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[1], ids[2], ids[3]));
  h.application.answer(0, ok(), {Verdict::ack, Verdict::ack, Verdict::ack});
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[4]));
}

TEST(Batch, AFirstThatIsDoneLetsTheOthersWaitForTheirOwn) {
  Harness h(Harness::batches_of(3));
  const auto ids = h.deliver({7, 7, 7});
  h.application.answer(0, ok(), {Verdict::retry, Verdict::ack, Verdict::retry});
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[1]));
  h.loop.advance(kSecond);
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[0], ids[2]));
}

TEST(Batch, WaitsForOthersAsLongAsItMay) {
  Harness h(Harness::batches_of(3, kSecond));
  h.deliver({0});
  EXPECT_THAT(h.application.out, IsEmpty());
  h.deliver({0});
  EXPECT_THAT(h.application.out, IsEmpty());
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, SizeIs(2));
  h.deliver({0, 0, 0});
  EXPECT_THAT(h.application.out, SizeIs(2)) << "a full one waits for nobody";
}

TEST(Batch, WaitsForOthersHoweverManyWaitBehindAHeldEvent) {
  Harness h(Harness::batches_of(3, kSecond));
  h.deliver({7, 7, 7, 7, 7});
  h.application.answer(0, ok(), {Verdict::retry, Verdict::retry, Verdict::retry});
  ASSERT_THAT(h.application.out, IsEmpty());
  h.loop.advance(kMillisecond);
  h.deliver({8, 9});
  EXPECT_THAT(h.application.out, IsEmpty()) << "two, and none of those behind the held one can go along";
  h.deliver({8});
  ASSERT_THAT(h.application.out, SizeIs(1)) << "what waits behind one that goes fills it up";
  EXPECT_THAT(h.application.out[0].ids, SizeIs(3));
}

TEST(Batch, WaitsForOthersHoweverManyWaitBehindARunningOne) {
  Harness h(Harness::batches_of(2, kSecond));
  h.deliver({7, 7, 7, 7, 7});
  ASSERT_THAT(h.application.out, SizeIs(1));
  h.deliver({8});
  EXPECT_THAT(h.application.out, SizeIs(1));
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(2));
  EXPECT_THAT(h.application.out[1].ids, SizeIs(1));
}

TEST(Batch, CountsItsAttemptsForEachEvent) {
  DispatcherOptions options = Harness::batches_of(10);
  options.retry.max_attempts = 2;
  Harness h(std::move(options));
  h.deliver({7, 7});
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_THAT(h.application.out, SizeIs(1));
    EXPECT_THAT(h.application.out[0].ids, SizeIs(2));
    h.application.answer(0, ok(), {Verdict::retry, Verdict::retry});
    h.loop.advance(kSecond);
  }
  EXPECT_THAT(h.application.out, IsEmpty());
  EXPECT_EQ(h.dispatcher.view().blocked, 1U) << "the first; the second waits behind it";
  EXPECT_EQ(h.dispatcher.decide("s/1", Decision::drop).result, Decided::Result::done);
  EXPECT_THAT(h.application.out, IsEmpty()) << "the second one's attempts are used up as well";
  EXPECT_EQ(h.dispatcher.view().troubled_event, "s/2");
}

TEST(Batch, AFailureOfTheWholeCountsForNoLimitOfItsEvents) {
  DispatcherOptions options = Harness::batches_of(10);
  options.retry.max_attempts = 1;
  options.retry.http_codes = CodeSet::parse("500-599", 100, 599).value();
  options.fields.on_exhausted = OnExhausted::drop;
  Harness h(std::move(options));
  const auto ids = h.deliver({0, 0, 7, 7});
  h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 400});
  EXPECT_THAT(h.plugin.settled, IsEmpty()) << "one of them may be to blame, not all";
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(3));
  h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 400});
  EXPECT_EQ(h.dispatcher.view().dropped, 1U) << "alone it is";
  h.application.answer(0, ok(), {Verdict::ack});
  h.application.answer(0, ok(), {Verdict::ack});
  ASSERT_THAT(h.application.out, SizeIs(1)) << "the second of the lane";
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[3]));
  h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 500});
  EXPECT_EQ(h.dispatcher.view().dropped, 2U);
}

TEST(Batch, ItsAnswerCallsItsOutputsOnce) {
  DispatcherOptions options = Harness::batches_of(10);
  options.fields.reply_outputs = true;
  options.fields.reply_outputs_allowed = {"out"};
  Harness h(std::move(options));
  h.deliver({0, 0, 0});
  Answer answer = ok();
  answer.body = R"({"to": ["out"], "data": 1})";
  h.application.answer(0, answer, {Verdict::retry, Verdict::ack, Verdict::ack});
  EXPECT_THAT(h.output.calls, SizeIs(1));
}

TEST(Batch, OfWhichOneEventCameTooLateIsAskedForWithoutIt) {
  Harness h(Harness::batches_of(10));
  const auto ids = h.deliver({0, 7, 7, 8});
  h.application.out[0].batch->events[1]->settle_by_ns = h.loop.now_ns();
  h.application.answer(0, Answer{.outcome = Outcome::expired});
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1], ids[2])) << "and what would overtake it";
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[0], ids[3]));
  EXPECT_EQ(h.application.out[0].event->attempts, 1U);
}

TEST(Batch, ThatNeverReachedTheApplicationIsNoAttempt) {
  Harness h(Harness::batches_of(10));
  h.deliver({0, 0});
  h.application.answer(0, Answer{.outcome = Outcome::unreachable, .error = "refused"});
  h.wait_for_timer();
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_EQ(h.application.out[0].event->attempts, 1U);
}

TEST(Batch, ThatHasNotBegunGivesUpOnlyWhatIsWithdrawn) {
  Harness h(Harness::batches_of(2));
  h.application.concurrency = 0;
  const auto ids = h.deliver({7, 8});
  h.withdraw(CLEAT_BY_LANE, 7);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
  ASSERT_THAT(h.application.out, SizeIs(1));
  EXPECT_THAT(h.application.out[0].ids, ElementsAre(ids[1]));
}

TEST(Batch, ThatRunsSettlesWhatIsWithdrawnWhenItEnds) {
  Harness h(Harness::batches_of(3));
  const auto ids = h.deliver({7, 8, 9});
  h.withdraw(CLEAT_BY_LANE, 7);
  h.withdraw(CLEAT_BY_LANE, 8);
  h.application.answer(0, ok(), {Verdict::ack, Verdict::retry, Verdict::ack});
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0], ids[2]));
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[1]));
}

TEST(Batch, IsCutAsAWholeAtTheEnd) {
  Harness h(Harness::batches_of(3));
  h.deliver({0, 7});
  bool idle = false;
  h.dispatcher.stop([&] { idle = true; });
  h.dispatcher.cut();
  h.loop.run_posted();
  EXPECT_TRUE(idle);
  ASSERT_THAT(h.plugin.settled, SizeIs(2));
  for (const auto& settled : h.plugin.settled)
    EXPECT_EQ(settled.flags, CLEAT_MAY_STILL_RUN);
}

}  // namespace
}  // namespace cleat::testing
