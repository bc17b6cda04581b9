#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "harness.hpp"

namespace cleat::testing {
namespace {

constexpr std::uint32_t kMaxInFlight = 4;

/// Random interleavings of delivering, answering, waiting, withdrawing and stopping, against what must always hold. Each run
/// comes from its seed alone.
class Interleaving {
 public:
  explicit Interleaving(std::uint32_t seed) : random_(seed), h_(kMaxInFlight, seed) {
    for (std::uint64_t lane = 1; lane <= 3; ++lane)
      lanes_.push_back(next_lane_++);
    h_.application.concurrency = static_cast<std::size_t>(pick(1, 5));
  }

  void play() {
    const int steps = pick(20, 120);
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      act();
      check();
    }
    finish();
  }

 private:
  int pick(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }

  void act() {
    switch (pick(0, 9)) {
      case 0:
      case 1:
      case 2:
        deliver();
        break;
      case 3:
      case 4:
      case 5:
        answer();
        break;
      case 6:
        h_.loop.advance(static_cast<std::uint64_t>(pick(0, 2'000)) * kMillisecond);
        break;
      case 7:
        h_.loop.step();
        break;
      case 8:
        h_.loop.run_posted();
        break;
      default:
        withdraw();
        break;
    }
  }

  void deliver() {
    std::vector<std::uint64_t> lanes;
    for (int n = pick(1, 5); n > 0; --n) {
      const int which = pick(0, 3);
      lanes.push_back(which == 3 ? 0 : lanes_[static_cast<std::size_t>(which)]);
    }
    const auto ids = h_.plugin.deliver(lanes);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      lane_of_[ids[i]] = lanes[i];
      delivered_[lanes[i]].push_back(ids[i]);
    }
  }

  void answer() {
    if (h_.application.out.empty()) return;
    const auto i = static_cast<std::size_t>(pick(0, static_cast<int>(h_.application.begun()) - 1));
    const std::uint64_t id = h_.application.out[i].id;
    switch (pick(0, 5)) {
      case 0:
        h_.application.answer(i, 500);
        break;
      case 1:
        h_.application.answer(i, Answer{.outcome = Outcome::unreachable, .error = "refused"});
        break;
      case 2:
        h_.application.answer(i, Answer{.outcome = Outcome::broken, .error = "reset"});
        break;
      default:
        succeeded_.insert(id);
        h_.application.answer(i, 200);
    }
  }

  void withdraw() {
    const auto which = static_cast<std::size_t>(pick(0, 2));
    if (pick(0, 1) == 0 || lane_of_.empty()) {
      const std::uint64_t id = lanes_[which];
      h_.plugin.host().withdraw(&h_.plugin.host(), CLEAT_BY_LANE, &id, 1);
      lanes_[which] = next_lane_++;
    } else {
      const std::uint64_t id = static_cast<std::uint64_t>(pick(1, static_cast<int>(lane_of_.size())));
      h_.plugin.host().withdraw(&h_.plugin.host(), CLEAT_BY_EVENT, &id, 1);
      if (lane_of_.contains(id) && lane_of_[id] != 0) replace_lane(lane_of_[id]);
    }
  }

  void replace_lane(std::uint64_t lane) {
    for (std::uint64_t& mine : lanes_) {
      if (mine == lane) mine = next_lane_++;
    }
  }

  void check() {
    EXPECT_LE(h_.application.out.size(), kMaxInFlight);
    std::set<std::uint64_t> running_lanes;
    for (const auto& out : h_.application.out) {
      const bool alone = out.lane == 0 || running_lanes.insert(out.lane).second;
      EXPECT_TRUE(alone) << "two of lane " << out.lane << " run";
    }
    std::set<std::uint64_t> settled;
    std::map<std::uint64_t, std::vector<std::uint64_t>> acked;
    for (const auto& one : h_.plugin.settled) {
      EXPECT_TRUE(settled.insert(one.id).second) << "event " << one.id << " settled twice";
      EXPECT_TRUE(lane_of_.contains(one.id));
      if (one.verdict == CLEAT_ACK) {
        EXPECT_TRUE(succeeded_.contains(one.id)) << "event " << one.id << " acked without a 2xx";
        acked[lane_of_[one.id]].push_back(one.id);
      } else {
        EXPECT_EQ(one.verdict, CLEAT_ABANDON);
      }
    }
    for (const auto& [lane, ids] : acked) {
      if (lane == 0) continue;
      const auto& order = delivered_[lane];
      EXPECT_TRUE(std::equal(ids.begin(), ids.end(), order.begin()))
          << "lane " << lane << " is not a prefix in order";
    }
    EXPECT_EQ(h_.instance.unsettled_events(), lane_of_.size() - settled.size());
    EXPECT_EQ(h_.plugin.released, settled.size());
  }

  // Half of the runs end by answering everything well, the others by a stop in the middle.
  void finish() {
    if (pick(0, 1) == 0) {
      for (int i = 0; i < 100'000 && h_.instance.unsettled_events() > 0; ++i) {
        h_.loop.run_posted();
        h_.loop.advance(h_.loop.until_next_timer());
        for (auto n = h_.application.out.size(); n > 0; --n) {
          succeeded_.insert(h_.application.out[0].id);
          h_.application.answer(0, 204);
        }
      }
    } else {
      bool idle = false;
      h_.dispatcher.stop([&] { idle = true; });
      h_.loop.run_posted();
      const std::size_t started = h_.application.started.size();
      if (pick(0, 1) == 0) {
        h_.dispatcher.cut();
        h_.loop.run_posted();
      }
      while (!h_.application.out.empty())
        answer();
      h_.loop.run_posted();
      EXPECT_TRUE(idle);
      EXPECT_EQ(h_.application.started.size(), started) << "an attempt began after stop";
    }
    check();
    EXPECT_EQ(h_.instance.unsettled_events(), 0U);
  }

  std::minstd_rand random_;
  Harness h_;
  std::vector<std::uint64_t> lanes_;
  std::uint64_t next_lane_ = 1;
  std::map<std::uint64_t, std::uint64_t> lane_of_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> delivered_;
  std::set<std::uint64_t> succeeded_;
};

TEST(Seam, EveryInterleavingSettlesEachEventOnceAndInOrder) {
  const char* const given = std::getenv("CLEAT_SEED");
  const std::uint32_t first = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : 1;
  const std::uint32_t runs = given != nullptr ? 1 : 2'000;
  for (std::uint32_t seed = first; seed < first + runs; ++seed) {
    Interleaving(seed).play();
    ASSERT_FALSE(HasFailure()) << "run it again with CLEAT_SEED=" << seed;
  }
}

}  // namespace
}  // namespace cleat::testing
