#include "policy/backoff.hpp"

#include <gtest/gtest.h>

namespace cleat {
namespace {

TEST(Backoff, GrowsToItsCapWithinItsBounds) {
  std::minstd_rand random(7);
  const Backoff backoff;
  std::uint64_t expected = 200 * kMillisecond;
  for (std::uint32_t failures = 1; failures <= 40; ++failures) {
    const std::uint64_t most = std::min<std::uint64_t>(expected, 30 * kSecond);
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t wait = backoff.delay_ns(failures, random);
      EXPECT_LE(wait, most) << failures;
      EXPECT_GE(wait, most / 10) << failures;
    }
    expected = std::min<std::uint64_t>(expected * 2, 60 * kSecond);
  }
}

TEST(Backoff, IsSpreadOut) {
  std::minstd_rand random(7);
  const Backoff backoff;
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t most = 0;
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t wait = backoff.delay_ns(1, random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_LT(least, 50 * kMillisecond);
  EXPECT_GT(most, 150 * kMillisecond);
}

TEST(Backoff, OfDaprGrowsByHalfAndJittersByHalf) {
  std::minstd_rand random(7);
  const Backoff backoff{500 * kMillisecond, 60 * kSecond, 1.5, 0.5, 1.5};
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t third = backoff.delay_ns(3, random);
    EXPECT_GE(third, 562 * kMillisecond);
    EXPECT_LE(third, 1688 * kMillisecond);
    const std::uint64_t late = backoff.delay_ns(4'000'000'000U, random);
    EXPECT_GE(late, 30 * kSecond);
    EXPECT_LE(late, 90 * kSecond);
  }
}

TEST(Backoff, ConstantIsExact) {
  std::minstd_rand random(7);
  const Backoff constant = Backoff::constant(5 * kSecond);
  for (const std::uint32_t failures : {1U, 2U, 1'000'000'000U})
    EXPECT_EQ(constant.delay_ns(failures, random), 5 * kSecond);
  EXPECT_EQ(Backoff::constant(0).delay_ns(3, random), 0U);
}

}  // namespace
}  // namespace cleat
