#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DispatcherOptions always_back() {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.fields.max_held = 0;
  options.delayed_return = true;
  return options;
}

void fail_once(Harness& h) {
  h.plugin.deliver_named("same");
  h.loop.run_posted();
  ASSERT_THAT(h.application.out, SizeIs(1));
  h.application.answer(0, 500);
}

TEST(HandBack, WaitsLongerEachTime) {
  DispatcherOptions options = always_back();
  options.retry.wait.low = 1;
  Harness h(std::move(options));
  std::vector<std::uint32_t> waits;
  for (int delivery = 0; delivery < 3; ++delivery) {
    fail_once(h);
    waits.push_back(h.plugin.settled.back().requeue_after_ms);
  }
  EXPECT_THAT(waits, ElementsAre(200, 400, 800));
}

TEST(HandBack, WaitsAsLongAsCanBeSaidInsteadOfLess) {
  DispatcherOptions options = always_back();
  options.retry.wait = {60 * 24 * 3600 * kSecond, 60 * 24 * 3600 * kSecond};
  options.retry.wait.low = 1;
  Harness h(std::move(options));
  fail_once(h);
  EXPECT_EQ(h.plugin.settled.back().requeue_after_ms, 4'294'967'295U);
}

TEST(HandBack, OfABatchThatFailedComesAgainAloneAndWithAllItsAttempts) {
  DispatcherOptions options = always_back();
  options.fields.batch_max = 10;
  options.fields.batch_linger_ns = kSecond;
  options.retry.max_attempts = 1;
  Harness h(std::move(options));
  const auto deliver = [&] {
    for (const char* name : {"a", "b"})
      h.plugin.deliver_named(name);
    h.loop.run_posted();
  };
  deliver();
  h.loop.advance(kSecond);
  ASSERT_THAT(h.application.out, SizeIs(1));
  h.application.answer(0, Answer{.outcome = Outcome::answered, .status = 400});
  ASSERT_THAT(h.settled_with(CLEAT_REQUEUE), SizeIs(2));
  deliver();
  ASSERT_THAT(h.application.out, SizeIs(2));
  EXPECT_THAT(h.application.out[0].ids, SizeIs(1));
  EXPECT_EQ(h.dispatcher.view().blocked, 0U);
}

TEST(HandBack, ForgetsTheAttemptsOfWhatIsDone) {
  DispatcherOptions options = always_back();
  options.retry.max_attempts = 2;
  Harness h(std::move(options));
  fail_once(h);
  h.plugin.deliver_named("same");
  h.loop.run_posted();
  h.application.answer(0, 200);
  ASSERT_THAT(h.settled_with(CLEAT_ACK), SizeIs(1));
  fail_once(h);
  EXPECT_EQ(h.dispatcher.view().blocked, 0U) << "another event of that name has attempts of its own";
}

TEST(HandBack, NeverLetsTheNextOfItsKeyOvertake) {
  for (const Ordering ordering : {Ordering::key, Ordering::strict}) {
    DispatcherOptions options = always_back();
    options.fields.ordering = ordering;
    Harness h(std::move(options));
    const auto ids = h.deliver_keyed({{0, "a"}, {0, "a"}});
    h.application.answer(0, 500);
    EXPECT_THAT(h.plugin.settled, IsEmpty());
    EXPECT_THAT(h.application.started, ElementsAre(ids[0]));
    h.wait_for_timer();
    EXPECT_THAT(h.application.started, ElementsAre(ids[0], ids[0]));
  }
}

TEST(HandBack, DoesNotBeginMaxElapsedAnew) {
  DispatcherOptions options = always_back();
  options.retry.max_elapsed_ns = 10 * kSecond;
  options.retry.wait = Backoff::constant(4 * kSecond);
  Harness h(std::move(options));
  for (int delivery = 0; delivery < 2; ++delivery) {
    fail_once(h);
    EXPECT_THAT(h.settled_with(CLEAT_REQUEUE), SizeIs(delivery + 1));
    h.loop.advance(4 * kSecond);
  }
  fail_once(h);
  EXPECT_EQ(h.dispatcher.view().blocked, 1U) << "at 0, 4 and 8 seconds";
}

TEST(Retry, WhatTheApplicationAsksForWithASuccessNeedsNoMatch) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.retry.http_codes = CodeSet::parse("500-599", 100, 599).value();
  options.verdicts.read_bodies(true);
  Harness h(std::move(options));
  h.deliver({0});
  h.application.answer(0,
                       Answer{.outcome = Outcome::answered, .status = 200, .body = R"({"status":"RETRY"})"});
  EXPECT_EQ(h.dispatcher.view().blocked, 0U);
  EXPECT_EQ(h.dispatcher.view().held, 1U);
}

}  // namespace
}  // namespace cleat::testing
