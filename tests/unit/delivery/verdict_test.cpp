#include "delivery/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Answer answered(unsigned status, std::string_view retry_after = {}, std::string_view body = {}) {
  Answer answer;
  answer.status = status;
  answer.retry_after = retry_after;
  answer.body = body;
  return answer;
}

Answer failed(Outcome outcome) {
  Answer answer;
  answer.outcome = outcome;
  answer.error = "it broke";
  return answer;
}

bool is_one_of(unsigned status, std::initializer_list<unsigned> statuses) {
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

TEST(Verdicts, EveryStatusHasItsRow) {
  const Verdicts verdicts;
  for (unsigned status = 100; status < 600; ++status) {
    for (const bool has_target : {false, true}) {
      const Judgement judgement = verdicts.judge(answered(status), has_target, 0);
      const bool misconfigured =
          status < 200 || (status >= 300 && status < 400) || is_one_of(status, {401, 403, 404, 405, 407});
      const bool refused =
          status >= 400 && status < 500 && !misconfigured && !is_one_of(status, {408, 425, 429});
      const Verdict expected = status >= 200 && status < 300 ? Verdict::ack
                               : refused && has_target       ? Verdict::dead_letter
                                                             : Verdict::retry;
      EXPECT_EQ(judgement.verdict, expected) << status;
      EXPECT_EQ(judgement.misconfigured, misconfigured) << status;
      EXPECT_EQ(judgement.pauses, status == 429) << status;
    }
  }
}

TEST(Verdicts, EveryTransportFailureIsTriedAgain) {
  for (const Outcome outcome : {Outcome::broken, Outcome::timed_out}) {
    EXPECT_EQ(Verdicts().judge(failed(outcome), true, 0).verdict, Verdict::retry);
    EXPECT_FALSE(Verdicts().judge(failed(outcome), true, 0).misconfigured);
  }
}

TEST(Verdicts, TheOperatorsEntriesOverrideAnyRowAndTheLaterWins) {
  Verdicts verdicts;
  ASSERT_TRUE(verdicts.set("400-499:dead-letter, 409:ack, 429:retry,503:DROP, 200 : retry"));
  EXPECT_EQ(verdicts.judge(answered(404), false, 0).verdict, Verdict::dead_letter);
  EXPECT_EQ(verdicts.judge(answered(409), false, 0).verdict, Verdict::ack);
  EXPECT_EQ(verdicts.judge(answered(429), false, 0).verdict, Verdict::retry);
  EXPECT_EQ(verdicts.judge(answered(503), false, 0).verdict, Verdict::drop);
  EXPECT_EQ(verdicts.judge(answered(200), false, 0).verdict, Verdict::retry);
  EXPECT_EQ(verdicts.judge(answered(500), false, 0).verdict, Verdict::retry);
  EXPECT_TRUE(verdicts.asks_for_dead_letter());
}

TEST(Verdicts, ABadEntryIsNamed) {
  for (const char* bad :
       {"400", "400:", "400:later", "99:ack", "600:ack", "499-400:ack", "4xx:ack", "400-:ack", "-:ack"}) {
    Verdicts verdicts;
    const Result<> set = verdicts.set(std::string("409:ack, ") + bad);
    ASSERT_FALSE(set) << bad;
    EXPECT_THAT(set.error().text, HasSubstr(std::string("'") + bad + "'"));
  }
}

TEST(Verdicts, ABodySaysWhatBecomesOfTheEventOnlyWhereItIsAskedTo) {
  struct Case {
    const char* body;
    Verdict verdict;
  };
  Verdicts verdicts;
  EXPECT_EQ(verdicts.judge(answered(200, {}, R"({"status":"DROP"})"), true, 0).verdict, Verdict::ack);
  verdicts.read_bodies(true);
  for (const Case& one :
       {Case{R"({"status":"SUCCESS"})", Verdict::ack}, Case{R"({"status":"RETRY"})", Verdict::retry},
        Case{R"( {"status":"drop"})", Verdict::drop},
        Case{R"({"status":"DEADLETTER"})", Verdict::dead_letter},
        Case{R"({"status":"WHAT"})", Verdict::retry}, Case{R"({"status":7})", Verdict::retry},
        Case{R"({"status":""})", Verdict::ack}, Case{R"({"other":1})", Verdict::ack},
        Case{"{\"status\":\"RETRY\",\"why\":\"caf\xe9\"}", Verdict::retry},
        Case{"{\"why\":\"\xff\xfe\",\"status\":\"DROP\"}", Verdict::drop},
        Case{"\xef\xbb\xbf{\"status\":\"RETRY\"}", Verdict::retry}, Case{"{broken \xff", Verdict::ack},
        Case{R"({"Status":"Retry"})", Verdict::retry},
        Case{R"({"status":"SUCCESS","STATUS":"DROP"})", Verdict::drop}, Case{"done", Verdict::ack},
        Case{"", Verdict::ack}, Case{"{broken", Verdict::ack}}) {
    EXPECT_EQ(verdicts.judge(answered(200, {}, one.body), true, 0).verdict, one.verdict) << one.body;
  }
  EXPECT_EQ(verdicts.judge(answered(500, {}, R"({"status":"SUCCESS"})"), true, 0).verdict, Verdict::retry);
}

TEST(Verdicts, RetryAfterIsReadInAllItsForms) {
  constexpr std::uint64_t kNow = 784'111'770 * kSecond;  // Sun, 06 Nov 1994 08:49:30 GMT
  EXPECT_EQ(parse_retry_after("7", kNow), 7 * kSecond);
  EXPECT_EQ(parse_retry_after(" 0 ", kNow), 0U);
  EXPECT_EQ(parse_retry_after("99999999999999999999", kNow), 1'000'000'000 * kSecond);
  for (const char* date :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_retry_after(date, kNow), 7 * kSecond) << date;
    EXPECT_EQ(parse_retry_after(date, kNow + 60 * kSecond), 0U) << date;
  }
  // The second one is so far away that its nanoseconds, were they counted, would begin anew.
  for (const char* far : {"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 27 May 2579 08:24:04 GMT"})
    EXPECT_EQ(parse_retry_after(far, kNow), 1'000'000'000 * kSecond) << far;
  for (const char* junk : {"", "soon", "-1", "1.5", "Sun, 06 Nov 1994", "7s"})
    EXPECT_EQ(parse_retry_after(junk, kNow), std::nullopt) << junk;
}

TEST(Verdicts, RetryAfterIsCapped) {
  Verdicts verdicts;
  EXPECT_EQ(verdicts.judge(answered(429, "3600"), false, 0).pause_ns, 60 * kSecond);
  verdicts.limit_retry_after(5 * kSecond);
  EXPECT_EQ(verdicts.judge(answered(503, "3600"), false, 0).pause_ns, 5 * kSecond);
}

TEST(Answers, AThrottledComponentStartsNothingUntilItMay) {
  for (const unsigned status : {429U, 503U}) {
    Harness h;
    h.deliver({0, 0});
    h.application.answer(0, answered(status, "20"));
    h.deliver({0, 5});
    EXPECT_THAT(h.application.out, SizeIs(1)) << "only what ran before runs";
    h.loop.advance(19 * kSecond);
    EXPECT_THAT(h.application.out, SizeIs(1));
    EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::degraded);
    EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("pause"));
    h.loop.advance(2 * kSecond);
    EXPECT_THAT(h.application.out, SizeIs(4)) << status;
  }
}

TEST(Answers, A503WithoutRetryAfterHoldsUpNobodyElse) {
  Harness h;
  h.deliver({0, 0});
  h.application.answer(0, 503);
  h.deliver({0});
  EXPECT_THAT(h.application.out, SizeIs(2));
}

TEST(Answers, A429WithoutATimeIsABackOffOfTheComponent) {
  Harness h;
  h.deliver({0});
  h.application.answer(0, 429);
  h.deliver({0});
  EXPECT_THAT(h.application.out, IsEmpty());
  for (int timers = 0; timers < 4 && h.application.out.size() < 2; ++timers)
    h.wait_for_timer();
  EXPECT_THAT(h.application.out, SizeIs(2));
}

TEST(Answers, AMisconfiguredApplicationDegradesTheComponentAndLosesNothing) {
  for (const unsigned status : {101U, 302U, 401U, 403U, 404U, 405U, 407U}) {
    DispatcherOptions options = Harness::dispatcher_options(64);
    options.dead_letter.to = DeadLetterOptions::To::component;
    Harness h(std::move(options));
    h.deliver({0});
    h.application.answer(0, status);
    EXPECT_THAT(h.plugin.settled, IsEmpty()) << status;
    EXPECT_THAT(h.output.calls, IsEmpty()) << status;
    EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::degraded);
    EXPECT_THAT(h.dispatcher.view().reason, HasSubstr("does not serve this route"));
    h.wait_for_timer();
    h.application.answer(0, 200);
    EXPECT_EQ(h.dispatcher.view().condition, DeliveryView::Condition::well) << status;
  }
}

TEST(Answers, AnyWordWithASuccessShowsThatTheRouteIsServed) {
  for (const char* word : {"DROP", "DEADLETTER", "RETRY"}) {
    DispatcherOptions options = Harness::dispatcher_options(64);
    options.dead_letter.to = DeadLetterOptions::To::component;
    options.verdicts.read_bodies(true);
    Harness h(std::move(options));
    h.deliver({0, 0});
    h.application.answer(0, 404);
    ASSERT_THAT(h.dispatcher.view().reason, HasSubstr("does not serve this route"));
    h.application.answer(0, answered(200, {}, std::string(R"({"status":")") + word + "\"}"));
    EXPECT_THAT(h.dispatcher.view().reason, ::testing::Not(HasSubstr("does not serve this route"))) << word;
  }
}

TEST(Answers, AWordOfDropIsCountedLoggedAndAcknowledged) {
  DispatcherOptions options = Harness::dispatcher_options(64);
  options.verdicts.read_bodies(true);
  Harness h(std::move(options));
  const auto ids = h.deliver({0});
  h.application.answer(0, answered(200, {}, R"({"status":"DROP"})"));
  EXPECT_THAT(h.settled_with(CLEAT_ACK), ElementsAre(ids[0]));
  EXPECT_EQ(h.dispatcher.view().dropped, 1U);
  EXPECT_EQ(h.dispatcher.view().acked, 0U);
  EXPECT_EQ(h.log.count("an event was dropped"), 1U);
  EXPECT_EQ(h.log.lines().back().field("event"), "s/1");
}

}  // namespace
}  // namespace cleat::testing
