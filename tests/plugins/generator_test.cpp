#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "generator_binding.hpp"
#include "plugins/fake_host.hpp"

namespace cleat::generator {
namespace {

using testing::Delivered;
using testing::Driver;
using testing::FakeHost;

class GeneratorTest : public ::testing::Test {
 protected:
  void begin(const testing::Pairs& metadata, const Window& window = {64, 0, 0}) {
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome outcome = driver.init(metadata, CLEAT_IN);
    ASSERT_EQ(outcome.status, CLEAT_OK) << outcome.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
    ASSERT_EQ(driver.begin_input(window).status, CLEAT_OK);
  }
  bool wait_for(std::size_t delivered) {
    return host.wait_until([&] { return host.delivered_count() >= delivered; });
  }

  FakeHost host{FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<GeneratorBinding>("bindings.generator");
  Driver driver{host, type};
};

std::uint64_t number_of(const Delivered& event) {
  return std::stoull(event.header("n"));
}

TEST_F(GeneratorTest, NumbersEventsAndStopsAtTheWindow) {
  begin({{"count", "10"}, {"size", "64"}}, {4, 0, 0});
  ASSERT_TRUE(wait_for(4));
  EXPECT_EQ(host.unsettled().size(), 4U);
  EXPECT_EQ(host.delivered_at(0).data.size(), 64U);
  EXPECT_EQ(host.delivered_at(0).data.substr(0, 24), R"({"n":1,"lane":0,"pad":"x)");
  EXPECT_EQ(host.delivered_at(0).source_id, "1");
  EXPECT_EQ(host.delivered_at(0).lane, 0U);
  while (host.delivered_count() < 10) {
    const std::size_t seen = host.delivered_count();
    driver.settle_all();
    ASSERT_TRUE(wait_for(seen + 1));
    EXPECT_LE(host.unsettled().size(), 4U);
  }
  driver.settle_all();
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(number_of(host.delivered_at(i)), i + 1);
}

TEST_F(GeneratorTest, DataThatIsTooShortForTheNumberIsExceeded) {
  begin({{"count", "1"}, {"size", "3"}, {"start", "12345"}});
  ASSERT_TRUE(wait_for(1));
  EXPECT_EQ(host.delivered_at(0).data, R"({"n":12345,"lane":0,"pad":""})");
}

TEST_F(GeneratorTest, ByteLimitRefusesAndNothingIsLost) {
  begin({{"count", "9"}, {"size", "1000"}}, {64, 2500, 0});
  ASSERT_TRUE(wait_for(2));
  while (host.delivered_count() < 9) {
    EXPECT_LE(host.unsettled().size(), 2U);
    const std::size_t seen = host.delivered_count();
    driver.settle_all();
    ASSERT_TRUE(wait_for(seen + 1));
  }
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_EQ(number_of(host.delivered_at(i)), i + 1);
}

TEST_F(GeneratorTest, LanesKeepTheirOwnLimit) {
  begin({{"lanes", "2"}}, {64, 0, 3});
  ASSERT_TRUE(wait_for(6));
  std::map<std::uint64_t, std::vector<std::uint64_t>> by_lane;
  for (const Delivered& event : host.delivered())
    by_lane[event.lane].push_back(number_of(event));
  EXPECT_EQ(by_lane[1], (std::vector<std::uint64_t>{1, 3, 5}));
  EXPECT_EQ(by_lane[2], (std::vector<std::uint64_t>{2, 4, 6}));
  // Lane 2 stays blocked, lane 1 goes on.
  for (const Delivered& event : host.delivered()) {
    if (event.lane == 1) driver.settle(event.id);
  }
  ASSERT_TRUE(wait_for(9));
  EXPECT_EQ(host.delivered_at(8).lane, 1U);
  EXPECT_EQ(number_of(host.delivered_at(8)), 11U);
}

TEST_F(GeneratorTest, ClosedLaneComesBackUnderANewNumberOnceItIsEmpty) {
  begin({{"lanes", "1"}, {"count", "4"}}, {64, 0, 3});
  ASSERT_TRUE(wait_for(3));
  driver.settle(host.delivered_at(1).id, CLEAT_ABANDON);
  driver.settle(host.delivered_at(2).id, CLEAT_ABANDON);
  EXPECT_EQ(host.delivered_count(), 3U) << "the first still runs, what follows it must wait";
  driver.settle(host.delivered_at(0).id, CLEAT_ACK);
  ASSERT_TRUE(wait_for(6));
  for (std::size_t i = 3; i < 6; ++i) {
    EXPECT_EQ(host.delivered_at(i).lane, 2U);
    EXPECT_EQ(host.delivered_at(i).header("lane"), "1");
    EXPECT_EQ(number_of(host.delivered_at(i)), i - 1);
  }
  EXPECT_GT(host.delivered_at(3).id, host.delivered_at(2).id);
}

TEST_F(GeneratorTest, EventsWithoutLaneComeAgainAtOnce) {
  begin({{"count", "2"}});
  ASSERT_TRUE(wait_for(2));
  driver.settle(host.delivered_at(0).id, CLEAT_REQUEUE);
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(number_of(host.delivered_at(2)), 1U);
  EXPECT_EQ(host.delivered_at(2).lane, 0U);
}

TEST_F(GeneratorTest, PausedByAnEmptyWindow) {
  begin({}, {0, 0, 0});
  driver.set_window({2, 0, 0});
  ASSERT_TRUE(wait_for(2));
  driver.set_window({0, 0, 0});
  driver.settle_all();
  const std::uint64_t calls = host.deliver_calls();
  driver.set_window({1, 0, 0});
  ASSERT_TRUE(wait_for(3));
  EXPECT_LE(host.deliver_calls(), calls + 1) << "a shut window is not polled";
}

TEST_F(GeneratorTest, RateHoldsBackFreshEvents) {
  const auto began = std::chrono::steady_clock::now();
  begin({{"rate", "200"}, {"count", "21"}});
  ASSERT_TRUE(wait_for(21));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(100));
}

TEST_F(GeneratorTest, RefusesSenselessConfiguration) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  EXPECT_EQ(driver.init({{"rate", "-1"}}).text, "rate: expected 0 or a number of events per second");
  EXPECT_EQ(driver.init({{"count", "many"}}).text, "count: expected a number within range, found 'many'");
}

class LedgerTest : public GeneratorTest {
 protected:
  LedgerTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "generator.XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = folder;
  }
  ~LedgerTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] std::string path() const { return folder_ / "ledger"; }
  [[nodiscard]] std::string text() const {
    std::ifstream in(path());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::filesystem::path folder_;
};

TEST_F(LedgerTest, SaysEachVerdictAfterTheSettle) {
  begin({{"count", "2"}, {"ledger", path()}});
  ASSERT_TRUE(wait_for(2));
  EXPECT_EQ(text(), "");
  driver.settle(host.delivered_at(1).id, CLEAT_ACK);
  driver.settle(host.delivered_at(0).id, CLEAT_ABANDON);
  EXPECT_EQ(text(), "2 ack\n1 abandon\n");
}

TEST_F(LedgerTest, GoesOnWithTheFirstNumberThatWasNotAcknowledged) {
  std::ofstream(path()) << "1 ack\n2 ack\n5 ack\n3 abandon\n4 a";  // killed inside the last line
  begin({{"count", "5"}, {"ledger", path()}});
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(number_of(host.delivered_at(0)), 3U);
  EXPECT_EQ(number_of(host.delivered_at(2)), 5U);
  driver.settle_all();
  EXPECT_EQ(text(), "1 ack\n2 ack\n5 ack\n3 abandon\n4 a\n3 ack\n4 ack\n5 ack\n");
}

TEST_F(LedgerTest, FolderThatIsMissingFailsTheStart) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  ASSERT_EQ(driver.init({{"ledger", folder_ / "none" / "ledger"}}).status, CLEAT_OK);
  const testing::Outcome outcome = driver.start();
  EXPECT_EQ(outcome.status, CLEAT_INVALID);
  EXPECT_NE(outcome.text.find("No such file or directory; give a path in a folder that exists"),
            std::string::npos);
}

}  // namespace
}  // namespace cleat::generator
