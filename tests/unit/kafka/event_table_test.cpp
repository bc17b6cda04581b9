#include "common/kafka/event_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace cleat::kafka {
namespace {

TEST(EventTableTest, FindsWhatWasAddedUntilItIsRemoved) {
  EventTable<int> table;
  const std::uint64_t id = table.add(7);
  ASSERT_NE(table.find(id), nullptr);
  EXPECT_EQ(*table.find(id), 7);
  table.remove(id);
  EXPECT_EQ(table.find(id), nullptr);
  EXPECT_EQ(table.size(), 0U);
}

TEST(EventTableTest, IdsAreNeverReusedThoughSlotsAre) {
  EventTable<int> table;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t id = table.add(i);
    EXPECT_TRUE(seen.insert(id).second);
    if (i % 3 != 0) table.remove(id);
  }
  EXPECT_EQ(table.size(), 3'334U);
}

TEST(EventTableTest, UnknownIdsAreNotFound) {
  EventTable<int> table;
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(12345), nullptr);
  const std::uint64_t id = table.add(1);
  EXPECT_EQ(table.find(id + (1ULL << 20U)), nullptr);
}

}  // namespace
}  // namespace cleat::kafka
