#include "delivery/subscription.hpp"

#include <gtest/gtest.h>

#include "fake_application.hpp"
#include "manual_loop.hpp"
#include "recording_log.hpp"

namespace cleat::testing {
namespace {

struct Asking {
  explicit Asking(bool strict = false)
      : subscription({.component = "c", .strict_dapr = strict}, loop, application, log, 1,
                     [this] { ++yes; }) {
    subscription.ask();
  }
  void answer(const Answer& answer) {
    auto done = std::move(application.probes.back());
    application.probes.pop_back();
    done(answer);
  }
  void answer(unsigned status) { answer(Answer{.outcome = Outcome::answered, .status = status}); }

  ManualLoop loop;
  RecordingLog log;
  FakeApplication application{loop};
  int yes = 0;
  Subscription subscription;
};

TEST(Subscription, ReadsEveryStatus) {
  for (const bool strict : {false, true}) {
    for (unsigned status = 200; status < 600; ++status) {
      Asking asking(strict);
      asking.answer(status);
      const bool yes = status < 300 || status == 405 || (status == 501 && !strict);
      const bool unknown = status >= 500 && !strict && !yes;
      EXPECT_EQ(asking.yes, yes ? 1 : 0) << status;
      EXPECT_EQ(asking.subscription.state(), yes       ? Subscription::State::yes
                                             : unknown ? Subscription::State::asking
                                                       : Subscription::State::no)
          << status;
      EXPECT_EQ(asking.loop.until_next_timer() > 0, unknown) << status;
    }
  }
}

TEST(Subscription, AsksUntilItKnows) {
  Asking asking;
  for (int i = 0; i < 30; ++i) {
    asking.answer(Answer{.outcome = Outcome::unreachable, .error = "connection refused"});
    EXPECT_EQ(asking.subscription.last_answer(), "connection refused");
    ASSERT_TRUE(asking.application.probes.empty());
    const std::uint64_t wait = asking.loop.until_next_timer();
    EXPECT_GE(wait, 20 * kMillisecond);
    EXPECT_LE(wait, 5 * kSecond);
    asking.loop.advance(wait);
    ASSERT_EQ(asking.application.probes.size(), 1U);
  }
  asking.answer(204);
  EXPECT_EQ(asking.yes, 1);
  EXPECT_EQ(asking.log.lines().size(), 2U) << "one line when it begins to wait, one when it knows";
}

TEST(Subscription, IgnoresTheAnswerThatComesAfterStop) {
  Asking asking;
  asking.subscription.stop();
  asking.answer(200);
  EXPECT_EQ(asking.yes, 0);
  EXPECT_EQ(asking.loop.until_next_timer(), 0U);
}

}  // namespace
}  // namespace cleat::testing
