#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A source that lends its events: each third of the lease it renews what is not settled. What it cannot renew it withdraws, and
/// what ran out it gives out again, under a new number and the same name.
class LeasingSource {
 public:
  LeasingSource(Harness& h, std::uint64_t lease_ns) : h_(h), lease_ns_(lease_ns) {
    h_.plugin.on_settle = [this] { note_settled(); };
  }
  std::uint64_t lend(const std::string& name) {
    const std::uint64_t next = ++last_id_;
    h_.plugin.deliver_named(name);
    lent_[next] = {name, h_.loop.now_ns() + lease_ns_};
    h_.loop.run_posted();
    return next;
  }
  void pass(std::uint64_t ns) {
    for (std::uint64_t passed = 0; passed < ns; passed += lease_ns_ / 3) {
      h_.loop.advance(lease_ns_ / 3);
      h_.loop.run_posted();
      tend();
    }
  }

  bool can_renew = true, renews = true;
  std::vector<std::uint64_t> ignored;  ///< settled after they were withdrawn
  std::size_t renewed = 0;

 private:
  struct Lent {
    std::string name;
    std::uint64_t until_ns;
  };

  void tend() {
    const auto lent = lent_;
    for (const auto& [id, one] : lent) {
      if (h_.loop.now_ns() >= one.until_ns) {
        lent_.erase(id);
        lend(one.name);
      } else if (renews && can_renew) {
        lent_[id].until_ns = h_.loop.now_ns() + lease_ns_;
        ++renewed;
      } else if (renews) {
        lent_.erase(id);
        h_.withdraw(CLEAT_BY_EVENT, id);
      }
    }
  }
  void note_settled() {
    for (; seen_ < h_.plugin.settled.size(); ++seen_) {
      const std::uint64_t id = h_.plugin.settled[seen_].id;
      if (lent_.erase(id) == 0) ignored.push_back(id);
    }
  }

  Harness& h_;
  const std::uint64_t lease_ns_;
  std::map<std::uint64_t, Lent> lent_;
  std::uint64_t last_id_ = 0;
  std::size_t seen_ = 0;
};

TEST(Lease, AHandlerTenTimesLongerThanItRunsOnce) {
  Harness h;
  LeasingSource source(h, 30 * kSecond);
  const std::uint64_t id = source.lend("m");
  source.pass(300 * kSecond);
  EXPECT_EQ(source.renewed, 30U);
  EXPECT_THAT(h.plugin.settled, IsEmpty());
  h.application.answer(0, 200);
  source.pass(300 * kSecond);
  EXPECT_THAT(h.application.started, ElementsAre(id));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(id));
  EXPECT_THAT(source.ignored, IsEmpty());
}

TEST(Lease, ThatNobodyRenewsMakesItRunTwice) {
  Harness h;
  LeasingSource source(h, 30 * kSecond);
  source.renews = false;
  source.lend("m");
  source.pass(30 * kSecond);
  EXPECT_THAT(h.application.started, SizeIs(2)) << "or the case above proves nothing";
}

TEST(Lease, OfAnEventThatIsHeldIsRenewedToo) {
  Harness h;
  LeasingSource source(h, 3 * kSecond);
  const std::uint64_t id = source.lend("m");
  for (int attempt = 0; attempt < 12; ++attempt) {
    ASSERT_THAT(h.application.out, SizeIs(1));
    h.application.answer(0, 500);
    source.pass(33 * kSecond);
  }
  h.application.answer(0, 200);
  EXPECT_THAT(h.application.started, Each(id)) << "held here, not given out again";
  EXPECT_THAT(h.application.started, SizeIs(13));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(id));
}

TEST(Lease, ThatIsLostNeverStartsWhatHasNotStartedAndIgnoresWhatRan) {
  Harness h(1);
  LeasingSource source(h, 30 * kSecond);
  const std::uint64_t running = source.lend("m1");
  const std::uint64_t waiting = source.lend("m2");
  source.can_renew = false;
  source.pass(10 * kSecond);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(waiting));
  h.application.answer(0, 200);
  source.pass(300 * kSecond);
  EXPECT_THAT(h.application.started, ElementsAre(running));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(running));
  EXPECT_THAT(source.ignored, ElementsAre(waiting, running));
}

TEST(Lease, ThatIsLostWhileARunningEventFailsGivesItNoFurtherAttempt) {
  Harness h;
  LeasingSource source(h, 30 * kSecond);
  const std::uint64_t id = source.lend("m");
  source.can_renew = false;
  source.pass(10 * kSecond);
  EXPECT_THAT(h.plugin.settled, IsEmpty()) << "it runs";
  h.application.answer(0, 500);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(id));
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.application.started, SizeIs(1));
}

TEST(Lease, ThatIsLostEndsAHeldEvent) {
  Harness h;
  LeasingSource source(h, 30 * kSecond);
  const std::uint64_t id = source.lend("m");
  h.application.answer(0, 500);
  source.can_renew = false;
  // Its first wait is below a second: the loss comes first.
  h.withdraw(CLEAT_BY_EVENT, id);
  EXPECT_THAT(h.settled_with(CLEAT_ABANDON), ElementsAre(id));
  h.loop.advance(3600 * kSecond);
  EXPECT_THAT(h.application.started, SizeIs(1));
}

}  // namespace
}  // namespace cleat::testing
