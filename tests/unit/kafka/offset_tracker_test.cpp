#include "common/kafka/offset_tracker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace cleat::kafka {
namespace {

TEST(OffsetTrackerTest, CommitsOnlyTheContiguousPrefix) {
  OffsetTracker tracker(10);
  const auto a = tracker.add(10);
  const auto b = tracker.add(11);
  const auto c = tracker.add(12);
  tracker.settle(c, true);
  EXPECT_EQ(tracker.position(), 10);
  tracker.settle(a, true);
  EXPECT_EQ(tracker.position(), 11);
  tracker.settle(b, true);
  EXPECT_EQ(tracker.position(), 13);
  EXPECT_EQ(tracker.uncommitted(), 0U);
}

TEST(OffsetTrackerTest, GapsOfACompactedLogAreNoUnsettledRecords) {
  OffsetTracker tracker(0);
  const auto a = tracker.add(0);
  const auto b = tracker.add(17);
  tracker.settle(a, true);
  EXPECT_EQ(tracker.position(), 1);
  tracker.settle(b, true);
  EXPECT_EQ(tracker.position(), 18);
}

TEST(OffsetTrackerTest, TheEndOfALogMayLieBehindWhatIsNoRecord) {
  OffsetTracker tracker(0);
  EXPECT_FALSE(tracker.reach(0));
  EXPECT_TRUE(tracker.reach(2)) << "a transaction that was aborted";
  EXPECT_EQ(tracker.position(), 2);
  const auto a = tracker.add(2);
  EXPECT_FALSE(tracker.reach(3)) << "the end of a log of records only";
  EXPECT_TRUE(tracker.reach(4));
  EXPECT_EQ(tracker.position(), 2);
  tracker.settle(a, true);
  EXPECT_EQ(tracker.position(), 4);
  const auto b = tracker.add(4);
  tracker.settle(b, false);
  EXPECT_FALSE(tracker.reach(6)) << "it is read again first";
  EXPECT_EQ(tracker.position(), 4);
}

TEST(OffsetTrackerTest, WhatWasNotAcceptedWasNotRead) {
  OffsetTracker tracker(0);
  const auto a = tracker.add(0);
  tracker.add(1);
  tracker.take_back();
  tracker.settle(a, true);
  EXPECT_EQ(tracker.position(), 1);
  EXPECT_EQ(tracker.outstanding(), 0U);
}

TEST(OffsetTrackerTest, AGivenBackRecordKeepsThePositionAndAsksForARewind) {
  OffsetTracker tracker(5);
  const auto a = tracker.add(5);
  const auto b = tracker.add(6);
  const auto c = tracker.add(7);
  tracker.settle(a, true);
  tracker.settle(b, false);
  tracker.settle(c, true);
  EXPECT_EQ(tracker.position(), 6);
  EXPECT_TRUE(tracker.must_rewind());
  tracker.rewind();
  EXPECT_FALSE(tracker.must_rewind());
  EXPECT_FALSE(tracker.is_acked(6));
  EXPECT_TRUE(tracker.is_acked(7));
  const auto again = tracker.add(6);
  tracker.skip(7);
  tracker.settle(again, true);
  EXPECT_EQ(tracker.position(), 8);
}

TEST(OffsetTrackerTest, ASecondSettlementIsIgnored) {
  OffsetTracker tracker(0);
  const auto a = tracker.add(0);
  const auto b = tracker.add(1);
  tracker.settle(a, true);
  tracker.settle(a, false);
  EXPECT_FALSE(tracker.must_rewind());
  EXPECT_EQ(tracker.outstanding(), 1U);
  tracker.settle(b + 100, true);
  EXPECT_EQ(tracker.outstanding(), 1U);
}

/// What the tracker promises, said as slowly as possible.
struct Model {
  std::map<std::int64_t, bool> read;  // offset -> acknowledged
  std::int64_t start = 0;
  [[nodiscard]] std::int64_t position() const {
    std::int64_t position = start;
    for (const auto& [offset, is_acked] : read) {
      if (!is_acked) return offset;
      position = offset + 1;
    }
    return position;
  }
};

void run(unsigned seed) {
  std::mt19937 random(seed);
  OffsetTracker tracker(0);
  Model model;
  std::map<std::uint64_t, std::int64_t> out;
  std::int64_t next = 0;
  std::int64_t low = 0;
  for (int step = 0; step < 400; ++step) {
    const auto what = random() % 10;
    if (what < 4 && !tracker.must_rewind()) {
      // The log has gaps; which offsets exist is the same at every reading.
      while (next % 7 == 3)
        ++next;
      if (tracker.is_acked(next)) {
        ASSERT_TRUE(model.read[next]) << "seed " << seed;
        tracker.skip(next);
      } else {
        out[tracker.add(next)] = next;
        model.read.emplace(next, false);
      }
      ++next;
    } else if (what < 9 && !out.empty()) {
      const auto one = std::next(out.begin(), random() % out.size());
      const bool is_acked = random() % 8 != 0;
      tracker.settle(one->first, is_acked);
      model.read[one->second] = is_acked;
      out.erase(one);
    } else if (tracker.must_rewind() && out.empty()) {
      tracker.rewind();
      next = tracker.position();
    }
    ASSERT_EQ(tracker.outstanding(), out.size()) << "seed " << seed << " step " << step;
    ASSERT_GE(tracker.position(), low) << "a committed offset never goes back; seed " << seed;
    low = tracker.position();
    for (const auto& [offset, is_acked] : model.read)
      ASSERT_TRUE(is_acked || offset >= low) << "seed " << seed << ": " << offset << " would be skipped";
    // Once everything that was ever read has been read again and settled, both must agree.
    const bool is_all_read = !model.read.empty() && next > model.read.rbegin()->first;
    if (!tracker.must_rewind() && out.empty() && is_all_read) {
      ASSERT_EQ(tracker.position(), model.position()) << "seed " << seed << " step " << step;
    }
  }
}

TEST(OffsetTrackerTest, NeverSkipsWhatWasNotAcknowledged) {
  const unsigned first = std::random_device{}();
  for (unsigned i = 0; i < 2'000; ++i) {
    run(first + i);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace cleat::kafka
