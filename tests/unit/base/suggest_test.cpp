#include "base/suggest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace cleat {
namespace {

constexpr std::array<std::string_view, 5> kNames{"metadata", "name", "brokers", "consumerGroup", "spec"};

TEST(NearestName, FindsSlips) {
  EXPECT_EQ(nearest_name("metdata", kNames), "metadata");
  EXPECT_EQ(nearest_name("METADATA", kNames), "metadata");
  EXPECT_EQ(nearest_name("mtedaata", kNames), "metadata");
  EXPECT_EQ(nearest_name("nmae", kNames), "name");
  EXPECT_EQ(nearest_name("names", kNames), "name");
  EXPECT_EQ(nearest_name("consumer_group", kNames), "consumerGroup");
}

TEST(NearestName, LeavesOtherWordsAlone) {
  EXPECT_EQ(nearest_name("status", kNames), "");
  EXPECT_EQ(nearest_name("topics", kNames), "");
  EXPECT_EQ(nearest_name("na", kNames), "");
  EXPECT_EQ(nearest_name("nome2", kNames), "");
  EXPECT_EQ(nearest_name(std::string(5000, 'a'), kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
}

}  // namespace
}  // namespace cleat
