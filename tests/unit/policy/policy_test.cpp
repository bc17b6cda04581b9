#include "policy/policy.hpp"

#include <gtest/gtest.h>

namespace cleat {
namespace {

RetryPolicy retry_named(std::string name) {
  RetryPolicy retry;
  retry.name = std::move(name);
  return retry;
}

void add_default(Policies& policies, const std::string& stem, std::uint64_t timeout_ns) {
  policies.timeouts["Default" + stem + "TimeoutPolicy"] = timeout_ns;
  policies.retries["Default" + stem + "RetryPolicy"] = retry_named(stem);
  policies.breakers["Default" + stem + "CircuitBreakerPolicy"].name = stem;
}

void expect_all(const Policy& policy, const std::string& stem, std::uint64_t timeout_ns) {
  EXPECT_EQ(policy.timeout_ns, timeout_ns) << stem;
  ASSERT_TRUE(policy.retry && policy.breaker) << stem;
  EXPECT_EQ(policy.retry->name, stem);
  EXPECT_EQ(policy.breaker->name, stem);
}

TEST(Policies, AreEmptyWithoutAnyFile) {
  const Policies policies;
  EXPECT_TRUE(policies.find("orders", Direction::inbound).is_empty());
  EXPECT_TRUE(policies.find("orders", Direction::outbound).is_empty());
  EXPECT_EQ(policies.find_retry("r"), nullptr);
}

TEST(Policies, TheNarrowestDefaultThatIsDefinedCounts) {
  for (const auto& [direction, side] :
       {std::pair(Direction::inbound, "Inbound"), std::pair(Direction::outbound, "Outbound")}) {
    Policies policies;
    std::uint64_t timeout_ns = 1;
    // The widest first: each step has a narrower one that takes over.
    for (const std::string& stem : {std::string(), std::string("Component"), "Component" + std::string(side),
                                    "BindingComponent" + std::string(side)}) {
      add_default(policies, stem, timeout_ns);
      expect_all(policies.find("orders", direction), stem, timeout_ns++);
    }
    const auto other = direction == Direction::inbound ? Direction::outbound : Direction::inbound;
    expect_all(policies.find("orders", other), "Component", 2);
  }
}

TEST(Policies, DefaultsAreLookedUpSeparately) {
  Policies policies;
  policies.timeouts["DefaultTimeoutPolicy"] = 7;
  policies.retries["DefaultComponentRetryPolicy"] = retry_named("r");
  policies.breakers["DefaultBindingComponentOutboundCircuitBreakerPolicy"].name = "b";
  const Policy inbound = policies.find("orders", Direction::inbound);
  EXPECT_EQ(inbound.timeout_ns, 7U);
  EXPECT_EQ(inbound.retry->name, "r");
  EXPECT_FALSE(inbound.breaker);
  EXPECT_EQ(policies.find("orders", Direction::outbound).breaker->name, "b");
}

TEST(Policies, NamesOfOtherBuildingBlocksAreNoDefaults) {
  Policies policies;
  for (const char* stem : {"App", "Actor", "PubsubComponentInbound", "BindingComponent", "Inbound"})
    add_default(policies, stem, 5);
  EXPECT_TRUE(policies.find("orders", Direction::inbound).is_empty());
}

TEST(Policies, ATargetShutsTheDefaultsOutInBothDirections) {
  Policies policies;
  add_default(policies, "", 5);
  policies.targets["orders"].inbound.timeout_ns = 9;
  const Policy inbound = policies.find("orders", Direction::inbound);
  EXPECT_EQ(inbound.timeout_ns, 9U);
  EXPECT_FALSE(inbound.retry || inbound.breaker);
  EXPECT_TRUE(policies.find("orders", Direction::outbound).is_empty());
  expect_all(policies.find("Orders", Direction::inbound), "", 5);
}

TEST(Policies, ARetryPolicyIsFoundByItsName) {
  Policies policies;
  policies.retries["r"] = retry_named("r");
  ASSERT_NE(policies.find_retry("r"), nullptr);
  EXPECT_EQ(policies.find_retry("r")->name, "r");
  EXPECT_EQ(policies.find_retry("R"), nullptr);
}

}  // namespace
}  // namespace cleat
