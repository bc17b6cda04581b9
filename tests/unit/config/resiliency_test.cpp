#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "resiliency_files.hpp"

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Resiliency, ReadsEverythingThatTheFormHas) {
  const auto files = load(R"(spec:
  policies:
    timeouts: { short: 2s, long: 1500 }
    retries:
      r: { policy: constant, duration: 3s, maxRetries: 4, matching: { httpStatusCodes: "429,500-599", gRPCStatusCodes: "1,14" } }
      e: { policy: exponential, maxInterval: 15s, maxRetries: 10 }
    circuitBreakers:
      cb: { maxRequests: 2, interval: 8s, timeout: 45s, trip: consecutiveFailures > 8 }
  targets:
    components:
      orders: { inbound: { timeout: short, retry: r, circuitBreaker: cb }, outbound: { retry: e } }
)");
  EXPECT_THAT(files.warnings, IsEmpty());
  EXPECT_THAT(files.policies.documents, ElementsAre("r1"));
  EXPECT_EQ(files.policies.timeouts.at("long"), 1500 * kMillisecond);
  const Policy inbound = files.policies.find("orders", Direction::inbound);
  EXPECT_EQ(inbound.timeout_ns, 2 * kSecond);
  ASSERT_TRUE(inbound.retry && inbound.breaker);
  EXPECT_EQ(inbound.retry->name, "r");
  EXPECT_EQ(inbound.retry->wait.first_ns, 3 * kSecond);
  EXPECT_EQ(inbound.retry->wait.factor, 1);
  EXPECT_EQ(inbound.retry->wait.low, 1);
  EXPECT_EQ(inbound.retry->max_attempts, 5U);
  ASSERT_TRUE(inbound.retry->http_codes && inbound.retry->grpc_codes);
  EXPECT_TRUE(inbound.retry->http_codes->contains(429));
  EXPECT_FALSE(inbound.retry->http_codes->contains(404));
  EXPECT_TRUE(inbound.retry->grpc_codes->contains(14));
  EXPECT_EQ(inbound.breaker->name, "cb");
  EXPECT_EQ(inbound.breaker->max_requests, 2U);
  EXPECT_EQ(inbound.breaker->interval_ns, 8 * kSecond);
  EXPECT_EQ(inbound.breaker->timeout_ns, 45 * kSecond);
  EXPECT_FALSE(inbound.breaker->trip.holds({.consecutive_failures = 8}));
  EXPECT_TRUE(inbound.breaker->trip.holds({.consecutive_failures = 9}));
  const Policy outbound = files.policies.find("orders", Direction::outbound);
  EXPECT_EQ(outbound.timeout_ns, 0U);
  EXPECT_FALSE(outbound.breaker);
  ASSERT_TRUE(outbound.retry);
  EXPECT_EQ(outbound.retry->max_attempts, 11U);
  EXPECT_EQ(outbound.retry->max_elapsed_ns, 0U);
  EXPECT_EQ(outbound.retry->wait.first_ns, 500 * kMillisecond);
  EXPECT_EQ(outbound.retry->wait.cap_ns, 15 * kSecond);
  EXPECT_EQ(outbound.retry->wait.factor, 1.5);
  EXPECT_EQ(outbound.retry->wait.low, 0.5);
  EXPECT_EQ(outbound.retry->wait.high, 1.5);
}

TEST(Resiliency, WhatIsNotGivenHasDaprsDefault) {
  for (const char* empty : {"", "{}", "~", "''", "{duration: , maxRetries: , policy: '', matching: }"}) {
    const auto files = load(with_policies("retries: {r: " + std::string(empty) + "}"));
    const RetryPolicy* retry = files.policies.find_retry("r");
    ASSERT_NE(retry, nullptr) << empty;
    EXPECT_EQ(retry->wait.first_ns, 5 * kSecond) << empty;
    EXPECT_EQ(retry->wait.factor, 1) << empty;
    EXPECT_EQ(retry->max_attempts, 0U) << empty;
    EXPECT_EQ(retry->max_elapsed_ns, 0U) << empty;
    EXPECT_FALSE(retry->http_codes || retry->grpc_codes) << empty;
  }
  const auto endless = load(with_policies("retries: {r: {policy: exponential}}"));
  EXPECT_EQ(endless.policies.find_retry("r")->wait.cap_ns, 60 * kSecond);
  EXPECT_EQ(endless.policies.find_retry("r")->max_attempts, 0U);
  EXPECT_EQ(endless.policies.find_retry("r")->max_elapsed_ns, 0U);
  for (const char* text : {"{}", "{maxRequests: 0, timeout: 0, interval: 0, trip: ''}"}) {
    const auto files = load(with_policies("circuitBreakers: {b: " + std::string(text) + "}"));
    const BreakerSettings& breaker = files.policies.breakers.at("b");
    EXPECT_EQ(breaker.max_requests, 1U) << text;
    EXPECT_EQ(breaker.interval_ns, 0U) << text;
    EXPECT_EQ(breaker.timeout_ns, 60 * kSecond) << text;
    EXPECT_FALSE(breaker.trip.holds({.consecutive_failures = 5})) << text;
    EXPECT_TRUE(breaker.trip.holds({.consecutive_failures = 6})) << text;
  }
}

TEST(Resiliency, DurationsAreGosOrMilliseconds) {
  const std::map<std::string, std::uint64_t> durations{{"2s", 2 * kSecond},
                                                       {"1m30s", 90 * kSecond},
                                                       {"1.5s", 1500 * kMillisecond},
                                                       {"1500", 1500 * kMillisecond},
                                                       {"'1500'", 1500 * kMillisecond},
                                                       {"0", 0},
                                                       {"0s", 0}};
  for (const auto& [text, ns] : durations) {
    const auto files =
        load(with_policies("timeouts: {t: " + text + "}, retries: {r: {duration: " + text + "}}"));
    EXPECT_EQ(files.policies.timeouts.at("t"), ns) << text;
    EXPECT_EQ(files.policies.find_retry("r")->wait.first_ns, ns) << text;
  }
}

TEST(Resiliency, RetriesAreCountedAfterTheFirstAttempt) {
  const std::map<std::string, std::uint32_t> counts{
      {"-1", 0}, {"0", 1}, {"1", 2}, {"'7'", 8}, {"4294967294", 4'294'967'295U}};
  for (const auto& [text, attempts] : counts) {
    const auto files = load(with_policies("retries: {r: {maxRetries: " + text + ", policy: CONSTANT}}"));
    EXPECT_EQ(files.policies.find_retry("r")->max_attempts, attempts) << text;
  }
}

TEST(Resiliency, KeysOfAnyCaseAndCodesWithoutQuotesAreRead) {
  const auto files = load(
      "Spec: {Policies: {Retries: {r: {MaxRetries: 1, Matching: {HTTPStatusCodes: 503, grpcStatusCodes: "
      "''}}}}}\n");
  const RetryPolicy* retry = files.policies.find_retry("r");
  ASSERT_NE(retry, nullptr);
  EXPECT_EQ(retry->max_attempts, 2U);
  ASSERT_TRUE(retry->http_codes);
  EXPECT_TRUE(retry->http_codes->contains(503));
  EXPECT_FALSE(retry->grpc_codes);
}

TEST(Resiliency, NamesMayBeDefinedInALaterDocumentOrFile) {
  const TempFolder folder;
  folder.write("a.yaml", std::string(kHead) +
                             "spec: {targets: {components: {orders: {inbound: {retry: r, timeout: t}}}}}\n" +
                             "---\n" + std::string(kHead) + "spec: {policies: {timeouts: {t: 7}}}\n");
  folder.write("b.yaml",
               "kind: Resiliency\nmetadata: {name: r2}\nspec: {policies: {retries: {r: {maxRetries: 2}}}}\n" +
                   std::string(kOrders));
  const auto files = load_components({folder.path()}, app1());
  ASSERT_TRUE(files) << files.error().text;
  EXPECT_THAT(files->warnings, IsEmpty());
  EXPECT_THAT(files->policies.documents, ElementsAre("r1", "r1", "r2"));
  const Policy policy = files->policies.find("orders", Direction::inbound);
  EXPECT_EQ(policy.timeout_ns, 7 * kMillisecond);
  ASSERT_TRUE(policy.retry);
  EXPECT_EQ(policy.retry->max_attempts, 3U);
}

TEST(Resiliency, OfOneNameTheLastCountsAndAWarningNamesBothPlaces) {
  const std::string first =
      "spec:\n  policies:\n    timeouts: {x: 1s}\n    retries: {x: {maxRetries: 1}}\n    circuitBreakers: "
      "{x: "
      "{maxRequests: 1}}\n  targets:\n    components: {orders: {inbound: {retry: x}}}\n";
  const TempFolder folder;
  folder.write("a.yaml", std::string(kHead) + first);
  folder.write("b.yaml", std::string(kHead) +
                             "spec:\n  policies:\n    timeouts: {x: 2s}\n    retries: {x: {maxRetries: 2}}\n"
                             "    circuitBreakers: {x: {maxRequests: 2}}\n  targets:\n"
                             "    components: {orders: {outbound: {retry: x}}}\n" +
                             std::string(kOrders));
  const auto files = load_components({folder.path()}, app1());
  ASSERT_TRUE(files) << files.error().text;
  const auto twice = [](std::string_view line, std::string_view what) {
    return AllOf(HasSubstr("b.yaml:" + std::string(line) + ": resiliency 'r1': " + std::string(what) +
                           " is already defined in "),
                 HasSubstr("a.yaml:" + std::string(line) + ": this one counts"));
  };
  EXPECT_THAT(files->warnings,
              ElementsAre(twice("6", "timeout 'x'"), twice("7", "retry policy 'x'"),
                          twice("8", "circuit breaker 'x'"), twice("10", "target component 'orders'")));
  EXPECT_EQ(files->policies.timeouts.at("x"), 2 * kSecond);
  EXPECT_EQ(files->policies.breakers.at("x").max_requests, 2U);
  EXPECT_FALSE(files->policies.find("orders", Direction::inbound).retry);
  EXPECT_EQ(files->policies.find("orders", Direction::outbound).retry->max_attempts, 3U);
}

TEST(Resiliency, DefaultsCountForComponentsWithoutATarget) {
  const auto files = load(
      "spec:\n  policies:\n    retries: {DefaultBindingComponentInboundRetryPolicy: {maxRetries: 3}}\n"
      "    timeouts: {DefaultTimeoutPolicy: 4s}\n  targets: {components: {orders: }}\n");
  EXPECT_THAT(files.warnings, IsEmpty());
  EXPECT_EQ(files.policies.find("other", Direction::inbound).retry->max_attempts, 4U);
  EXPECT_EQ(files.policies.find("other", Direction::outbound).timeout_ns, 4 * kSecond);
  EXPECT_FALSE(files.policies.find("other", Direction::outbound).retry);
  EXPECT_TRUE(files.policies.find("orders", Direction::inbound).is_empty());
}

TEST(Resiliency, WhatIsForOthersIsLeftOutWithoutAWord) {
  const std::string faulty = "spec: {policies: {timeouts: {t: never}}}\n";
  EXPECT_NE(error_of(faulty), "");
  const auto scoped = load("scopes: [app2, app3]\n" + faulty);
  EXPECT_THAT(scoped.warnings, IsEmpty());
  EXPECT_THAT(scoped.policies.documents, IsEmpty());
  EXPECT_NE(error_of("scopes: [app2, app1]\n" + faulty), "");
  auto selection = app1();
  selection.namespace_name = "prod";
  EXPECT_FALSE(try_load("kind: Resiliency\nmetadata: {name: r, namespace: test}\n" + faulty, selection))
      << "daprd asks for no namespace";
}

TEST(Resiliency, WarnsOfWhatHasNoEffect) {
  const std::map<std::string, std::string> warnings{
      {"", "a.yaml:1: resiliency 'r1': it has no spec, so no policies"},
      {"spec:\n", "it has no spec, so no policies"},
      {"scope: [app2]\nspec: {}\n",
       "a.yaml:4: resiliency 'r1': 'scope' is not known here: did you mean 'scopes'?"},
      {"spec:\n  targets:\n    apps: {a: {retry: nobody}}\n    actors: {b: {timeout: none, "
       "circuitBreakerScope: both}}\n",
       "a.yaml:6: resiliency 'r1': without effect: targets.apps, targets.actors: only components are served"},
      {"spec: {policies: {retries: {DaprBuiltInServiceRetries: {maxRetries: 5}}}}\n",
       "without effect: DaprBuiltInServiceRetries: only components are served"},
      {"spec: {targets: {components: {orders: {}, nobody: {}}}}\n",
       "a.yaml:4: resiliency 'r1': targets.components.nobody: no component of that name is loaded"}};
  for (const auto& [rest, warning] : warnings)
    EXPECT_THAT(load(rest).warnings, ElementsAre(HasSubstr(warning))) << rest;
  EXPECT_THAT(load("spec: {}\nstatus: {}\n").warnings, IsEmpty());
}

TEST(Resiliency, AMissingNameIsTheFiles) {
  const auto files = try_load("kind: Resiliency\nspec: {}\n");
  ASSERT_TRUE(files);
  EXPECT_THAT(files->policies.documents, ElementsAre("a.yaml"));
}

TEST(Resiliency, AKindThatIsNearlyOursGetsAWarning) {
  for (const char* kind : {"resiliency", "Resilency"}) {
    const auto files = try_load("kind: " + std::string(kind) + "\nspec: {}\n");
    ASSERT_TRUE(files);
    EXPECT_THAT(files->warnings, ElementsAre(HasSubstr("did you mean 'Resiliency'?"))) << kind;
  }
}

}  // namespace
}  // namespace cleat
