#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "resiliency_files.hpp"

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ResiliencyFaults, FaultsEndTheStartAndSayWhereWhatExpectedAndFound) {
  const std::map<std::string, std::string> faults{
      {"timeouts: {t: soon}",
       "timeout 't': expected a duration of zero or more such as 250ms or 1m30s, or a whole number of "
       "milliseconds, found 'soon'"},
      {"timeouts: {t: -1s}", "milliseconds, found '-1s'"},
      {"timeouts: {t: }", "milliseconds, found nothing"},
      {"timeouts: {t: [1s]}", "milliseconds, found a list"},
      {"timeouts: {t: 1.5}", "milliseconds, found '1.5'"},
      {"timeouts: [t]", "spec.policies.timeouts: expected a mapping, found a list"},
      {"retries: [r]", "spec.policies.retries: expected a mapping, found a list"},
      {"circuitBreakers: x", "spec.policies.circuitBreakers: expected a mapping, found 'x'"},
      {"retries: {r: [a]}", "retry policy 'r': expected a mapping, found a list"},
      {"retries: {r: a}", "retry policy 'r': expected a mapping, found 'a'"},
      {"retries: {r: {policy: linear}}",
       "retry policy 'r': policy: expected constant or exponential, found 'linear'"},
      {"retries: {r: {policy: [constant]}}", "policy: expected constant or exponential, found a list"},
      {"retries: {r: {duration: 5x}}", "retry policy 'r': duration: expected a duration of zero or more"},
      {"retries: {r: {duration: -5}}", "found '-5'"},
      {"retries: {r: {maxInterval: -1ms}}", "retry policy 'r': maxInterval: expected a duration"},
      {"retries: {r: {maxRetries: -2}}",
       "retry policy 'r': maxRetries: expected -1 for no limit, or a whole number from 0, found '-2'"},
      {"retries: {r: {maxRetries: many}}", "or a whole number from 0, found 'many'"},
      {"retries: {r: {maxRetries: 1.5}}", "found '1.5'"},
      {"retries: {r: {maxRetries: 4294967295}}", "found '4294967295'"},
      {"retries: {r: {maxRetrys: 3}}",
       "retry policy 'r': expected one of policy, duration, maxInterval, maxRetries, matching, found "
       "'maxRetrys': did you mean 'maxRetries'?"},
      {"retries: {r: {initialInterval: 1s}}", "matching, found 'initialInterval'"},
      {"retries: {r: {matching: '500'}}", "retry policy 'r': matching: expected a mapping, found '500'"},
      {"retries: {r: {matching: {httpStatusCode: '500'}}}", "did you mean 'httpStatusCodes'?"},
      {"retries: {r: {matching: {httpStatusCodes: '600'}}}",
       "retry policy 'r': matching: httpStatusCodes: expected a code from 100 to 599, found '600'"},
      {"retries: {r: {matching: {httpStatusCodes: [500]}}}",
       "expected codes such as '429,500-599', found a list"},
      {"retries: {r: {matching: {gRPCStatusCodes: '17'}}}",
       "gRPCStatusCodes: expected a code from 0 to 16, found '17'"},
      {"circuitBreakers: {b: [x]}", "circuit breaker 'b': expected a mapping, found a list"},
      {"circuitBreakers: {b: {maxRequests: -1}}",
       "circuit breaker 'b': maxRequests: expected a whole number from 0, found '-1'"},
      {"circuitBreakers: {b: {interval: -1}}", "circuit breaker 'b': interval: expected a duration"},
      {"circuitBreakers: {b: {timeout: long}}", "circuit breaker 'b': timeout: expected a duration"},
      {"circuitBreakers: {b: {tripp: x}}", "did you mean 'trip'?"},
      {"circuitBreakers: {b: {trip: [x]}}",
       "expected a comparison such as 'consecutiveFailures > 5', found a list"},
      {"circuitBreakers: {b: {trip: consecutiveFailure > 5}}",
       "circuit breaker 'b': trip: at character 1: expected one of requests, totalSuccesses, totalFailures, "
       "consecutiveSuccesses, consecutiveFailures, found 'consecutiveFailure': did you mean "
       "'consecutiveFailures'?"},
      {"retry: {}", "spec.policies: expected one of timeouts, retries, circuitBreakers, found 'retry'"},
      {"circuitBreaker: {}", "did you mean 'circuitBreakers'?"}};
  for (const auto& [policies, fault] : faults) {
    EXPECT_THAT(error_of(with_policies(policies)),
                AllOf(HasSubstr("a.yaml:5: resiliency 'r1': "), HasSubstr(fault)))
        << policies;
  }
}

TEST(ResiliencyFaults, WrongShapesAroundThePoliciesEndTheStart) {
  const std::map<std::string, std::string> faults{
      {"spec: [a]\n", "a.yaml:4: resiliency 'r1': spec: expected a mapping, found a list"},
      {"spec: text\n", "spec: expected a mapping, found 'text'"},
      {"spec: {policies: [a]}\n", "spec.policies: expected a mapping, found a list"},
      {"spec: {targets: [a]}\n", "spec.targets: expected a mapping, found a list"},
      {"spec: {polices: {}}\n",
       "spec: expected one of policies, targets, found 'polices': did you mean 'policies'?"},
      {"spec: {targets: {component: {}}}\n", "did you mean 'components'?"},
      {"spec: {targets: {components: [orders]}}\n", "spec.targets.components: expected a mapping"},
      {"spec: {targets: {components: {orders: r}}}\n",
       "targets.components.orders: expected a mapping, found 'r'"},
      {"spec: {targets: {components: {orders: {input: {}}}}}\n",
       "targets.components.orders: expected one of inbound, outbound, found 'input'"},
      {"spec: {targets: {components: {orders: {inbound: [r]}}}}\n",
       "targets.components.orders.inbound: expected a mapping, found a list"},
      {"spec: {targets: {components: {orders: {inbound: {retries: r}}}}}\n",
       "targets.components.orders.inbound: expected one of timeout, retry, circuitBreaker, found 'retries'"},
      {"spec: {targets: {components: {orders: {inbound: {retry: [r]}}}}}\n",
       "targets.components.orders.inbound.retry: expected the name of a policy, found a list"},
      {"scopes: app1\nspec: {}\n", "scopes in line 4 must be a list of app ids"}};
  for (const auto& [rest, fault] : faults)
    EXPECT_THAT(error_of(rest), AllOf(HasSubstr("a.yaml:"), HasSubstr("resiliency 'r1': "), HasSubstr(fault)))
        << rest;
  const auto files = try_load("kind: Resiliency\nmetadata: [r]\nspec: {}\n");
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().text,
              HasSubstr("a.yaml:2: resiliency 'a.yaml': metadata: expected a mapping, found a list"));
}

TEST(ResiliencyFaults, NamesThatNobodyDefinesEndTheStart) {
  const std::string policies =
      "spec:\n  policies:\n    timeouts: {short: 2s}\n    retries: {gentle: {}, hard: {}}\n  targets:\n"
      "    components:\n      orders: ";
  const std::map<std::string, std::string> faults{
      {"{inbound: {timeout: shrt}}",
       "a.yaml:10: resiliency 'r1': targets.components.orders.inbound.timeout: expected a name of "
       "spec.policies.timeouts (short), found 'shrt': did you mean 'short'?"},
      {"{outbound: {retry: other}}",
       "targets.components.orders.outbound.retry: expected a name of spec.policies.retries (gentle, hard), "
       "found 'other'"},
      {"{inbound: {retry: Gentle}}", "found 'Gentle': did you mean 'gentle'?"},
      {"{inbound: {circuitBreaker: cb}}",
       "targets.components.orders.inbound.circuitBreaker: expected a name of spec.policies.circuitBreakers "
       "(none is defined), found 'cb'"}};
  for (const auto& [target, fault] : faults)
    EXPECT_THAT(error_of(policies + target + "\n"), HasSubstr(fault)) << target;
  EXPECT_EQ(error_of(policies + "{inbound: {timeout: '', retry: }, outbound: }\n"), "");
}

TEST(ResiliencyFaults, ItsApiVersionIsThatOfComponents) {
  const auto with_version = [](std::string_view version) {
    return "apiVersion: " + std::string(version) + "\nkind: Resiliency\nmetadata: {name: r1}\nspec: {}\n";
  };
  for (const char* version : {"dapr.io/v1alpha1", "actions.io/v1alpha1", "''"})
    EXPECT_TRUE(try_load(with_version(version))) << version;
  const auto wrong = try_load(with_version("dapr.io/v2"));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().text,
              HasSubstr("a.yaml:1: resiliency 'r1': its apiVersion is 'dapr.io/v2', expected"));
  auto strict = app1();
  strict.strict_dapr = true;
  EXPECT_TRUE(try_load(with_version("dapr.io/v1alpha1"), strict));
  EXPECT_FALSE(try_load(with_version("''"), strict));
}

TEST(ResiliencyFaults, ADocumentThatCannotBeReadEndsTheStartToo) {
  const std::string large = "remark: '" + std::string(1'100'000, 'x') + "'\n";
  for (const std::string& bad :
       {std::string("kind: Resiliency\nspec: [\n"), std::string("kind:  \"Resiliency\"\nspec:\n\tx: y\n"),
        std::string("{\"Kind\" : 'Resiliency', spec: [}\n"),
        std::string("kind: Resiliency\nspec: {policies: {timeouts: {t: 1s, t: 2s}}}\n"),
        std::string("kind: Resiliency\nx: \x01\n"), "kind: Resiliency\n" + large}) {
    const auto files = try_load("---\n" + bad + std::string(kOrders));
    ASSERT_FALSE(files) << bad.substr(0, 100);
    EXPECT_THAT(files.error().text,
                AllOf(HasSubstr("a.yaml:"), HasSubstr("the host does not start without the policies")));
  }
  std::string long_line = "a: b: ";  // of which each word is looked at once
  while (long_line.size() < 1'000'000)
    long_line += "Resiliency";
  long_line += '\n';
  for (const std::string& other :
       {std::string("kind: Component\nspec: [\n"), std::string("# kind: Resiliency\nspec: [\n"),
        std::string("kind: Component\nremark: Resiliency of [\nspec: [\n"), std::string("resiliency: [\n"),
        long_line}) {
    const auto files = try_load("---\n" + other + std::string(kOrders));
    ASSERT_TRUE(files) << other << files.error().text;
    EXPECT_THAT(files->warnings, ElementsAre(HasSubstr("not valid YAML"))) << other;
  }
}

}  // namespace
}  // namespace cleat
