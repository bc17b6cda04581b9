#include <gtest/gtest.h>

#include "cron_binding.hpp"
#include "plugins/fake_host.hpp"

namespace cleat::cron {
namespace {

using testing::Driver;
using testing::FakeHost;
using namespace std::chrono_literals;

/// The wall clock goes with the host's and can be set.
struct ClockedHost : FakeHost {
  std::chrono::nanoseconds set_by{0};
  [[nodiscard]] Instant wall() const {
    const std::chrono::sys_days day = std::chrono::year(2024) / 5 / 1;
    return Instant(day) + std::chrono::nanoseconds(now_ns()) - 1s + set_by;  // midnight when the clock is new
  }
};

struct SteppedCron : CronBinding {
  explicit SteppedCron(Host host)
      : CronBinding(host, [host] {
          return static_cast<ClockedHost*>(static_cast<FakeHost*>(host.raw()->impl))->wall();
        }) {}
};

class CronTest : public ::testing::Test {
 protected:
  void begin(const std::string& schedule, const Window& window = {64, 0, 0}, testing::Pairs more = {}) {
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    more.emplace_back("schedule", schedule);
    const testing::Outcome outcome = driver.init(more);
    ASSERT_EQ(outcome.status, CLEAT_OK) << outcome.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
    ASSERT_EQ(driver.begin_input(window).status, CLEAT_OK);
  }
  std::string init_error(const testing::Pairs& metadata) {
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome outcome = driver.init(metadata);
    EXPECT_EQ(outcome.status, CLEAT_INVALID);
    return outcome.text;
  }

  ClockedHost host;
  const cleat_binding_type type = cleat::type<SteppedCron>("bindings.cron");
  Driver driver{host, type};
};

TEST_F(CronTest, ScheduleIsRequired) {
  EXPECT_EQ(init_error({}), "schedule not set");
}

TEST_F(CronTest, ScheduleThatDoesNotParse) {
  EXPECT_EQ(init_error({{"schedule", "xyz"}}),
            "invalid schedule format 'xyz': expected 5 to 6 fields, found 1: [xyz]");
}

TEST_F(CronTest, ScheduleThatNeverComes) {
  EXPECT_EQ(init_error({{"schedule", "0 0 30 2 *"}}),
            "invalid schedule format '0 0 30 2 *': no such date exists, so it would never fire; check the "
            "day of the month "
            "against the month");
}

TEST_F(CronTest, TickHasNoDataAndSaysWhenItWasRead) {
  begin("TZ=Europe/Berlin */10 * * * * *");
  host.set_by = 250ms;
  host.advance(9s);
  EXPECT_EQ(host.delivered_count(), 0U);
  host.advance(1s);
  ASSERT_EQ(host.delivered_count(), 1U);
  const testing::Delivered tick = host.delivered_at(0);
  EXPECT_EQ(tick.data, "");
  EXPECT_EQ(tick.lane, 0U);
  EXPECT_EQ(tick.source_id, "2024-05-01T00:00:10Z");
  EXPECT_EQ(tick.header("timeZone"), "Europe/Berlin");
  EXPECT_EQ(tick.header("readTimeUTC"), "2024-05-01 00:00:10.25 +0000 UTC");
}

TEST_F(CronTest, AnsweredTicksComeInTheirRhythm) {
  begin("@every 10s");
  for (int i = 1; i <= 5; ++i) {
    host.advance(10s);
    ASSERT_EQ(host.delivered_count(), static_cast<std::size_t>(i));
    EXPECT_EQ(driver.settle_all(), 1U);
  }
  EXPECT_EQ(host.delivered_at(0).header("timeZone"), "Local");
  EXPECT_EQ(host.delivered_at(4).header("readTimeUTC"), "2024-05-01 00:00:50 +0000 UTC");
  EXPECT_FALSE(host.logged("did not answer"));
}

TEST_F(CronTest, UnansweredTickIsWithdrawnWhenTheNextIsDue) {
  begin("@every 10s");
  host.advance(10s);
  EXPECT_TRUE(host.withdrawn().empty());
  host.advance(10s);
  const std::uint64_t first = host.delivered_at(0).id;
  EXPECT_EQ(host.withdrawn(), std::vector<std::uint64_t>{first});
  EXPECT_EQ(host.delivered_count(), 1U) << "at most one tick may be unsettled";
  EXPECT_EQ(driver.abandon_withdrawn(), 1U);
  EXPECT_EQ(host.delivered_count(), 2U);
  EXPECT_TRUE(host.logged("did not answer the tick of 2024-05-01T00:00:10Z"));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
  EXPECT_EQ(driver.settle_all(), 1U);
  EXPECT_TRUE(host.logged("answers ticks again"));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
}

TEST_F(CronTest, RunningHandlerMissesTheTicksThatAreDueMeanwhile) {
  begin("@every 10s");
  host.advance(45s);  // due at 10, 20, 30 and 40; the first still runs
  EXPECT_EQ(host.delivered_count(), 1U);
  EXPECT_EQ(host.withdrawn().size(), 1U) << "withdrawn once, not at every tick";
  EXPECT_EQ(driver.settle_all(CLEAT_ACK), 1U);
  EXPECT_EQ(host.delivered_count(), 1U);
  EXPECT_TRUE(host.logged("still worked on an earlier one"));
  host.advance(5s);
  ASSERT_EQ(host.delivered_count(), 2U);
  EXPECT_EQ(host.delivered_at(1).source_id, "2024-05-01T00:00:50Z");
}

TEST_F(CronTest, RunningHandlerThatFailsMissesThemToo) {
  begin("@every 10s");
  host.advance(45s);
  EXPECT_EQ(driver.settle_all(CLEAT_ABANDON), 1U);
  EXPECT_EQ(host.delivered_count(), 1U);
  host.advance(5s);
  EXPECT_EQ(host.delivered_count(), 2U);
}

TEST_F(CronTest, OneTickMakesUpForThoseThatARunningHandlerMissed) {
  begin("@every 10s", {64, 0, 0}, {{"missed", "fire-once"}});
  host.advance(45s);
  EXPECT_EQ(driver.settle_all(CLEAT_ACK), 1U);
  ASSERT_EQ(host.delivered_count(), 2U);
  EXPECT_EQ(host.delivered_at(1).source_id, "2024-05-01T00:00:40Z");
  EXPECT_EQ(host.unsettled().size(), 1U);
}

TEST_F(CronTest, TicksOverlapWhereThatIsAllowed) {
  begin("@every 10s", {64, 0, 0}, {{"overlap", "allow"}});
  host.advance(35s);
  EXPECT_EQ(host.delivered_count(), 3U);
  EXPECT_EQ(host.unsettled().size(), 3U);
  EXPECT_EQ(driver.settle_all(CLEAT_ACK), 3U);
  host.advance(10s);
  EXPECT_EQ(host.delivered_count(), 4U);
}

TEST_F(CronTest, OverlappingTicksAreWithdrawnOnceEach) {
  begin("@every 10s", {64, 0, 0}, {{"overlap", "allow"}});
  host.advance(45s);
  EXPECT_EQ(host.withdrawn(), (std::vector<std::uint64_t>{host.delivered_at(0).id, host.delivered_at(1).id,
                                                          host.delivered_at(2).id}));
  EXPECT_EQ(driver.abandon_withdrawn(), 3U);
  EXPECT_EQ(host.unsettled().size(), 1U);
}

TEST_F(CronTest, OverlapIsDaprs) {
  driver.facts.emplace_back("strict-dapr", "true");
  begin("@every 10s");
  host.advance(25s);
  EXPECT_EQ(host.unsettled().size(), 2U);
}

TEST_F(CronTest, OverlapCanBeSkippedInDaprsMode) {
  driver.facts.emplace_back("strict-dapr", "true");
  begin("@every 10s", {64, 0, 0}, {{"overlap", "skip"}});
  host.advance(25s);
  EXPECT_EQ(host.unsettled().size(), 1U);
}

TEST_F(CronTest, OneTickMakesUpForAFullWindow) {
  begin("@every 10s", {2, 0, 0}, {{"overlap", "allow"}, {"missed", "fire-once"}});
  host.advance(45s);
  EXPECT_EQ(host.delivered_count(), 2U);
  driver.settle(host.delivered_at(0).id);
  ASSERT_EQ(host.delivered_count(), 3U) << "one place is enough";
  EXPECT_EQ(host.delivered_at(2).source_id, "2024-05-01T00:00:40Z");
}

TEST_F(CronTest, OverlapEndsAtTheWindow) {
  begin("@every 10s", {2, 0, 0}, {{"overlap", "allow"}});
  host.advance(35s);
  EXPECT_EQ(host.delivered_count(), 2U);
  EXPECT_TRUE(host.logged("came while the host takes no events"));
}

TEST_F(CronTest, OneTickMakesUpForAShutWindow) {
  begin("@every 10s", {0, 0, 0}, {{"missed", "fire-once"}});
  host.advance(35s);
  EXPECT_EQ(host.delivered_count(), 0U);
  driver.set_window({64, 0, 0});
  ASSERT_EQ(host.delivered_count(), 1U);
  EXPECT_EQ(host.delivered_at(0).source_id, "2024-05-01T00:00:30Z");
  host.advance(4s);
  EXPECT_EQ(host.delivered_count(), 1U);
}

TEST_F(CronTest, OneTickMakesUpForAnEndedInput) {
  begin("@every 10s", {64, 0, 0}, {{"missed", "fire-once"}});
  ASSERT_EQ(driver.end_input().status, CLEAT_OK);
  host.advance(60s);
  EXPECT_EQ(host.delivered_count(), 0U);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  EXPECT_EQ(host.delivered_count(), 1U);
}

TEST_F(CronTest, OneTickMakesUpForOneThatWasOutWhenTheInputEnded) {
  begin("@every 10s", {64, 0, 0}, {{"missed", "fire-once"}});
  host.advance(10s);
  ASSERT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_EQ(driver.settle_all(CLEAT_ABANDON), 1U);
  host.advance(1s);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_EQ(host.delivered_count(), 2U);
  EXPECT_EQ(host.delivered_at(1).source_id, "2024-05-01T00:00:10Z");
}

TEST_F(CronTest, OneTickMakesUpForAnApplicationThatCameLate) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  ASSERT_EQ(driver.init({{"schedule", "0 * * * * *"}, {"missed", "fire-once"}}).status, CLEAT_OK);
  ASSERT_EQ(driver.start().status, CLEAT_OK);
  host.advance(65s);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  ASSERT_EQ(host.delivered_count(), 1U);
  EXPECT_EQ(host.delivered_at(0).source_id, "2024-05-01T00:01:00Z");
}

TEST_F(CronTest, NothingMakesUpWhereMissedTicksAreIgnored) {
  begin("@every 10s");
  host.advance(10s);
  ASSERT_EQ(driver.end_input().status, CLEAT_OK);
  EXPECT_EQ(driver.settle_all(CLEAT_ABANDON), 1U);
  host.advance(60s);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  EXPECT_EQ(host.delivered_count(), 1U);
}

TEST_F(CronTest, ShutWindowMissesTicksAndGoesOn) {
  begin("@every 10s", {0, 0, 0});
  host.advance(20s);
  EXPECT_EQ(host.delivered_count(), 0U);
  EXPECT_TRUE(host.logged("came while the host takes no events"));
  driver.set_window({64, 0, 0});
  host.advance(10s);
  EXPECT_EQ(host.delivered_count(), 1U);
}

TEST_F(CronTest, ClockSetForwardGivesOneTick) {
  begin("0 * * * * *");
  host.advance(1s);
  host.set_by = 1h;
  host.advance(30s);
  EXPECT_EQ(host.delivered_count(), 1U);
  driver.settle_all();
  host.advance(29s);
  EXPECT_EQ(host.delivered_count(), 2U);
  EXPECT_EQ(host.delivered_at(1).source_id, "2024-05-01T01:01:00Z");
}

TEST_F(CronTest, ClockSetBackDoesNotSilenceTheSchedule) {
  begin("0 * * * * *");
  host.advance(60s);
  driver.settle_all();
  host.set_by = -1h;
  host.advance(90s);
  EXPECT_EQ(host.delivered_count(), 2U);
  EXPECT_EQ(host.delivered_at(1).source_id, "2024-04-30T23:02:00Z");
}

TEST_F(CronTest, EndedInputIsSilentAndBeginsAgain) {
  begin("@every 10s");
  ASSERT_EQ(driver.end_input().status, CLEAT_OK);
  host.advance(60s);
  EXPECT_EQ(host.delivered_count(), 0U);
  ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  host.advance(10s);
  EXPECT_EQ(host.delivered_count(), 1U);
  driver.end_input();
  driver.settle_all(CLEAT_ABANDON);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(host.posted(), 0U);
}

TEST_F(CronTest, RestartedInputsDoNotPileUpTimers) {
  begin("@yearly");
  for (int i = 0; i < 2000; ++i) {
    driver.end_input();
    ASSERT_EQ(driver.begin_input().status, CLEAT_OK);
  }
  EXPECT_LE(host.posted(), 1U);
}

TEST(CronPlugin, TableMatchesItsManifest) {
  const cleat_plugin* plugin = cleat_entry_v0(nullptr);
  ASSERT_EQ(plugin->type_count, 1U);
  EXPECT_STREQ(plugin->types[0]->type, "bindings.cron");
  EXPECT_EQ(plugin->types[0]->invoke, nullptr);
  EXPECT_NE(std::string_view(plugin->manifest, plugin->manifest_len).find("\"bindings.cron\""),
            std::string_view::npos);
}

}  // namespace
}  // namespace cleat::cron
