#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DispatcherOptions ordered(Ordering ordering) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.fields.ordering = ordering;
  return options;
}

TEST(Order, NoneStartsEverythingAtOnce) {
  Harness h(ordered(Ordering::none));
  h.deliver({7, 7, 7});
  EXPECT_THAT(h.application.out, SizeIs(3));
}

TEST(Order, NoneStillAbandonsAClosedLane) {
  Harness h(ordered(Ordering::none));
  const auto ids = h.deliver({7, 8});
  h.application.answer(0, 500);
  h.withdraw(CLEAT_BY_LANE, 7);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(ids[0]));
}

TEST(Order, KeyHoldsUpItsKeyOnly) {
  Harness h(ordered(Ordering::key));
  const auto ids = h.deliver_keyed({{1, "a"}, {1, "a"}, {1, "b"}, {1, ""}, {1, ""}});
  EXPECT_THAT(h.application.started, ElementsAre(ids[0], ids[2], ids[3], ids[4]));
  h.application.answer(0, 500);
  h.answer_all(200);
  EXPECT_THAT(h.application.started, SizeIs(4)) << "the second of its key waits for the first, which is held";
  h.wait_for_timer();
  h.application.answer(0, 200);
  EXPECT_EQ(h.application.started.back(), ids[1]);
}

TEST(Order, KeyHoldsAcrossALaneThatWasClosed) {
  Harness h(ordered(Ordering::key));
  const auto old = h.deliver_keyed({{1, "a"}, {1, "a"}});
  h.withdraw(CLEAT_BY_LANE, 1);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(old[1]));
  const auto fresh = h.deliver_keyed({{2, "a"}});
  EXPECT_THAT(h.application.started, ElementsAre(old[0])) << "the handler of the old one may still run";
  h.application.answer(0, 200);
  EXPECT_THAT(h.application.started, ElementsAre(old[0], fresh[0]));
}

TEST(Order, KeyGoesOnWhenAHeldEventIsWithdrawn) {
  Harness h(ordered(Ordering::key));
  h.deliver_keyed({{1, "a"}});
  h.application.answer(0, 500);
  const auto fresh = h.deliver_keyed({{2, "a"}});
  EXPECT_THAT(h.application.out, IsEmpty());
  h.withdraw(CLEAT_BY_LANE, 1);
  EXPECT_EQ(h.application.started.back(), fresh[0]);
}

TEST(Order, PartitionHoldsUpItsLaneOnly) {
  Harness h(ordered(Ordering::partition));
  const auto ids = h.deliver({7, 7, 8, 0, 0});
  EXPECT_THAT(h.application.started, ElementsAre(ids[0], ids[2], ids[3], ids[4]));
}

TEST(Order, StrictIsOneAfterTheOther) {
  Harness h(ordered(Ordering::strict));
  const auto ids = h.deliver({7, 8, 0});
  EXPECT_THAT(h.application.started, ElementsAre(ids[0]));
  h.application.answer(0, 500);
  EXPECT_THAT(h.application.out, IsEmpty());
  h.wait_for_timer();
  for (int i = 0; i < 3; ++i)
    h.application.answer(0, 200);
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0], ids[1], ids[2]));
}

}  // namespace
}  // namespace cleat::testing
