#include <gtest/gtest.h>

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

// The plugin leaves the choice of a partition to librdkafka's "fnv1a_random". These tests say that this is
// the choice that Dapr's client makes: FNV-1a with 32 bits, taken as a signed number, the remainder by the
// partition count, its absolute value.

namespace cleat::kafka {
namespace {

std::uint32_t fnv1a(const std::string& key) {
  std::uint32_t hash = 2166136261U;
  for (const char c : key) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 16777619U;
  }
  return hash;
}

std::int32_t expected(const std::string& key, std::int32_t count) {
  const std::int32_t partition = static_cast<std::int32_t>(fnv1a(key)) % count;
  return partition < 0 ? -partition : partition;
}

/// The partitioner looks at nothing but the key and the count when there is a key.
std::int32_t chosen(const std::string& key, std::int32_t count) {
  return rd_kafka_msg_partitioner_fnv1a_random(nullptr, key.data(), key.size(), count, nullptr, nullptr);
}

// Published test vectors of FNV-1a, 32 bits: they tie the model above to the algorithm.
TEST(PartitionerTest, TheModelIsFnv1a) {
  EXPECT_EQ(fnv1a(""), 0x811c9dc5U);
  EXPECT_EQ(fnv1a("a"), 0xe40c292cU);
  EXPECT_EQ(fnv1a("b"), 0xe70c2de5U);
  EXPECT_EQ(fnv1a("foobar"), 0xbf9cf968U);
}

// Worked out by hand from those hashes: 0xe40c292c is -468965076, 0xbf9cf968 is -1080231576, 0x811c9dc5 is
// -2128831035.
TEST(PartitionerTest, NegativeHashes) {
  EXPECT_EQ(chosen("a", 10), 6);
  EXPECT_EQ(chosen("foobar", 10), 6);
  EXPECT_EQ(chosen("", 10), 5);
  EXPECT_EQ(chosen("a", 3), 468965076 % 3);
  EXPECT_EQ(chosen("foobar", 7), 1080231576 % 7);
}

TEST(PartitionerTest, EqualsTheModelForManyKeysAndCounts) {
  std::mt19937 random(42);
  for (int i = 0; i < 20'000; ++i) {
    std::string key(random() % 24, '\0');
    for (char& c : key)
      c = static_cast<char>(random());
    const auto count = static_cast<std::int32_t>(random() % 200 + 1);
    ASSERT_EQ(chosen(key, count), expected(key, count))
        << "key " << ::testing::PrintToString(key) << " of " << count;
  }
}

// The one hash whose absolute value is no signed number: the smallest. The key was found by search.
TEST(PartitionerTest, SmallestHash) {
  const std::string key("\x0e\x9c\x45\x01\x15", 5);
  ASSERT_EQ(fnv1a(key), 0x80000000U);
  for (std::int32_t count = 1; count < 100; ++count)
    EXPECT_EQ(chosen(key, count), expected(key, count)) << count;
}

}  // namespace
}  // namespace cleat::kafka
