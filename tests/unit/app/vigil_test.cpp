#include "app/vigil.hpp"

#include <gtest/gtest.h>

#include "base/loop.hpp"

namespace cleat {
namespace {

constexpr std::uint64_t kPromised = 10 * kSecond;

TEST(Vigil, IsOverWhenThreeSignsAreMissing) {
  Vigil vigil;
  std::uint64_t now = 1'000 * kSecond;
  const std::uint64_t sign = now;
  for (int turn = 0; turn < 4; ++turn, now += kPromised)
    EXPECT_FALSE(vigil.is_over(now, sign, kPromised)) << turn;
  EXPECT_TRUE(vigil.is_over(now, sign, kPromised));
}

TEST(Vigil, GoesOnAsLongAsThereAreSigns) {
  Vigil vigil;
  for (std::uint64_t now = 1'000 * kSecond; now < 2'000 * kSecond; now += kPromised)
    EXPECT_FALSE(vigil.is_over(now, now - 2 * kPromised, kPromised)) << now;
}

// A container that was frozen, for an hour.
TEST(Vigil, HoldsNothingAgainstAPluginThatStoodStillWithTheProcess) {
  Vigil vigil;
  std::uint64_t now = 1'000 * kSecond;
  const std::uint64_t sign = now;
  EXPECT_FALSE(vigil.is_over(now, sign, kPromised));
  now += 3'600 * kSecond;
  for (int turn = 0; turn < 4; ++turn, now += kPromised)
    EXPECT_FALSE(vigil.is_over(now, sign, kPromised)) << turn;
  EXPECT_TRUE(vigil.is_over(now, sign, kPromised)) << "it had its time again";
}

}  // namespace
}  // namespace cleat
